import type { Weights } from './model.ts'

/** Made by tools/fit-reranker. */
export const LEXICAL: Weights = {
  fused: 3.22,
  saturation: 0.82,
  dense: 3.08,
  coverage: 1.68,
  proximity: 1.87,
  order: 1.11,
  heading: 3.56,
}

/** The same, with what `--interaction` adds. */
export const LATE_INTERACTION: Weights = {
  fused: 3.17,
  saturation: 0.65,
  dense: 2.85,
  coverage: 0.55,
  proximity: 1.72,
  order: 1.15,
  heading: 3.59,
  interaction: 3.1,
}
