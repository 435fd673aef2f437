import type { Weights } from './model.ts'

/** Made by tools/fit-reranker. */
export const LEXICAL: Weights = {
  fused: 1.2,
  saturation: 3.12,
  dense: 2.59,
  coverage: 1.97,
  proximity: 1.94,
  order: 1.35,
  heading: 3.64,
}

/** The same, with what `--interaction` adds. */
export const LATE_INTERACTION: Weights = {
  fused: 1.2,
  saturation: 3.56,
  dense: 2.6,
  coverage: 2,
  proximity: 2,
  order: 2.3,
  heading: 2.9,
  interaction: 2.56,
}
