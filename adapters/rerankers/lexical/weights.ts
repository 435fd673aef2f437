import type { Fitted } from './rerank.ts'

/** Made by tools/fit-reranker. */
export const LEXICAL: Fitted = {
  weights: {
    fused: 3.27,
    saturation: 0.81,
    dense: 1.54,
    coverage: 2.13,
    proximity: 2,
    order: 1.09,
    heading: 3.26,
  },
  relevance: {
    share: 0.96,
    saturation: 0.79,
    coverage: 0.81,
    proximity: 0.32,
    order: 0.25,
    bias: -1.48,
  },
}

/** The same, with what `--interaction` adds. */
export const LATE_INTERACTION: Fitted = {
  weights: {
    fused: 3.23,
    saturation: 0.77,
    dense: 1.29,
    coverage: 0.91,
    proximity: 1.82,
    order: 1.08,
    heading: 3.29,
    interaction: 3.24,
  },
  relevance: {
    share: 0.94,
    saturation: 0.57,
    coverage: 0.45,
    proximity: 0.27,
    order: 0.22,
    interaction: 1.18,
    bias: -1.97,
  },
}
