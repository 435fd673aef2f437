import type { Costs, Grain } from './lanes.ts'

export type Request =
  | { readonly kind: 'open'; readonly name: string; readonly task: unknown }
  | {
      readonly kind: 'run'
      readonly lane: string
      readonly from: number
      readonly to: number
      readonly grain: Grain
    }
  | { readonly kind: 'answers'; readonly lane: string; readonly count: number }

export type Reply =
  | {
      readonly kind: 'opened'
      readonly lanes: readonly string[]
      readonly facts: Readonly<Record<string, number>>
      readonly openMs: number
      readonly rssBytes: number
    }
  | { readonly kind: 'costs'; readonly costs: Costs; readonly rssBytes: number }
  | { readonly kind: 'answers'; readonly rows: readonly (readonly number[])[] }
  | { readonly kind: 'failed'; readonly unavailable: boolean; readonly message: string }
