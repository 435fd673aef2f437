import type { ContenderProcess } from './contender-process.ts'
import { type Costs, type Grain, join } from './lanes.ts'

export interface Entrant {
  readonly process: ContenderProcess
  readonly lane: string
}

export interface Schedule {
  readonly queries: number
  /** How many parts the queries are cut into; the entrants take turns part by part. */
  readonly parts: number
  /** How often the whole is done. */
  readonly rounds: number
  readonly grain?: Grain
  /** Queries asked before, uncounted, so that code is compiled and pages are read; all of them unless told. */
  readonly warmUp?: number
  readonly warmUpRounds?: number
}

/** The costs of every entrant over all counted rounds, in the entrants' order. */
export async function interleave(
  entrants: readonly Entrant[],
  { queries, parts, rounds, grain, warmUp = queries, warmUpRounds = 1 }: Schedule,
): Promise<readonly Costs[]> {
  const costs: Costs[][] = entrants.map(() => [])
  for (const { process, lane } of entrants)
    for (let round = 0; round < warmUpRounds; round++) await process.run(lane, 0, warmUp, grain)
  for (let turn = 0; turn < rounds * parts; turn++) {
    const part = turn % parts
    const from = Math.floor((queries * part) / parts)
    const to = Math.floor((queries * (part + 1)) / parts)
    for (const [i, { process, lane }] of entrants.entries())
      costs[i]?.push(await process.run(lane, from, to, grain))
  }
  return costs.map(join)
}
