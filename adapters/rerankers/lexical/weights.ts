import type { Fitted } from './rerank.ts'

/** Made by tools/fit-reranker. */
export const LEXICAL: Fitted = {
  weights: {
    fused: 3.31,
    saturation: 0.78,
    dense: 1.59,
    coverage: 2.08,
    proximity: 2.04,
    order: 1.09,
    heading: 3.36,
  },
  relevance: {
    share: 0.96,
    saturation: 0.77,
    coverage: 0.81,
    proximity: 0.32,
    order: 0.25,
    bias: -1.48,
  },
}

/** The same, with what `--interaction` adds. */
export const LATE_INTERACTION: Fitted = {
  weights: {
    fused: 3.25,
    saturation: 0.71,
    dense: 1.22,
    coverage: 0.7,
    proximity: 1.87,
    order: 1.1,
    heading: 3.37,
    interaction: 3.35,
  },
  relevance: {
    share: 0.95,
    saturation: 0.55,
    coverage: 0.44,
    proximity: 0.27,
    order: 0.23,
    interaction: 1.17,
    bias: -1.94,
  },
}
