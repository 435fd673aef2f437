import type { Weights } from './model.ts'

/** Made by tools/fit-reranker. */
export const LEXICAL: Weights = {
  fused: 1.38,
  saturation: 2.82,
  dense: 4.66,
  coverage: 2.05,
  proximity: 2.01,
  order: 1.21,
  heading: 3.6,
}

/** The same, with what `--interaction` adds. */
export const LATE_INTERACTION: Weights = {
  fused: 1.33,
  saturation: 2.63,
  dense: 4.42,
  coverage: 1,
  proximity: 1.88,
  order: 1.25,
  heading: 3.66,
  interaction: 2.95,
}
