import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { openInteraction } from '../../adapters/rerankers/late-interaction/interaction.ts'
import type { Fitted } from '../../adapters/rerankers/lexical/rerank.ts'
import { LATE_INTERACTION, LEXICAL } from '../../adapters/rerankers/lexical/weights.ts'
import { openModel } from '../../adapters/static-model/artefact.ts'
import { fitModel, type Names, predictionsOf, ranked } from './fold.ts'
import { type Head, readHeads, SETUPS, type SetHeads } from './heads.ts'
import { areaUnderCurve, calibrationError, mean, ndcg10, quantile } from './scores.ts'
import { SETS } from './sets.ts'

const LEXICAL_NAMES: Names = {
  features: ['fused', 'saturation', 'dense', 'coverage', 'proximity', 'order', 'heading'],
  evidence: ['share', 'saturation', 'coverage', 'proximity', 'order', 'heading'],
}
const LATE_INTERACTION_NAMES: Names = {
  features: [...LEXICAL_NAMES.features, 'interaction'],
  evidence: [...LEXICAL_NAMES.evidence, 'interaction'],
}

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string' },
    cache: { type: 'string', default: '/tmp/quarry-fit' },
    queries: { type: 'string', default: '300' },
    /** Scores the shipped constants only. */
    shipped: { type: 'boolean', default: false },
    /** With MaxSim, for the late-interaction reranker. */
    interaction: { type: 'boolean', default: false },
  },
})

const { data, cache } = flags
if (data === undefined) throw new Error('--data <folder with the sets in BEIR layout> is missing')
await mkdir(cache, { recursive: true })
const interaction = flags.interaction ? openInteraction(await openModel()) : null
const sets: SetHeads[] = []
for (const set of SETS) {
  const queriesMax = Math.min(set.queriesMax, Number(flags.queries))
  sets.push(await readHeads({ ...set, queriesMax }, data, cache, interaction))
}
if (flags.shipped) {
  print('shipped', () => (flags.interaction ? LATE_INTERACTION : LEXICAL))
} else {
  const names = flags.interaction ? LATE_INTERACTION_NAMES : LEXICAL_NAMES
  const byFamily = new Map(
    [...new Set(SETS.map(({ family }) => family))].map((family) => [
      family,
      fitModel(
        sets.filter(({ set }) => set.family !== family),
        names,
      ),
    ]),
  )
  print(
    'held out: each family of sets by weights fitted on the others',
    ({ set }) => byFamily.get(set.family) as Fitted,
  )
  const model = fitModel(sets, names)
  print('fitted on all sets', () => model)
  say(JSON.stringify(model, null, 2))
}

function print(title: string, modelFor: (set: SetHeads) => Fitted): void {
  say(`\n${title}`)
  for (const [setup, name] of SETUPS.entries()) {
    say(
      `\n| ${name} | fused | reranked | gain | AUC | ECE | ECE of the best | unanswerable AUC | CPU p50 ms | p95 |`,
    )
    say('|---|---|---|---|---|---|---|---|---|---|')
    const gains = sets.map((set) => {
      const { line, gain } = rowOf(set, setup, modelFor(set))
      say(line)
      return gain
    })
    say(
      `| mean | | | ${mean(gains).toFixed(4)} | | | | least | ${Math.min(...gains).toFixed(4)} | |`,
    )
  }
}

function rowOf(set: SetHeads, setup: number, model: Fitted): { line: string; gain: number } {
  const heads = set.bySetup[setup] ?? []
  const unanswerable = set.unanswerable[setup] ?? []
  const before = mean(heads.map(({ grades, wanted }) => ndcg10(grades, wanted)))
  const after = mean(
    heads.map((head) =>
      ndcg10(
        ranked(head, model.weights).map((place) => head.grades[place] ?? 0),
        head.wanted,
      ),
    ),
  )
  const shown = heads.flatMap((head) => predictionsOf(head, model))
  const best = (head: Head): number =>
    Math.max(0, ...predictionsOf(head, model).map(({ relevance }) => relevance))
  const answered = [
    ...heads.map((head) => ({ relevance: best(head), relevant: true })),
    ...unanswerable.map((head) => ({ relevance: best(head), relevant: false })),
  ]
  const cpu = heads.map(({ cpuMs }) => cpuMs)
  const cells = [
    set.set.name,
    ...[before, after, after - before, areaUnderCurve(shown), calibrationError(shown)].map(
      (value) => value.toFixed(4),
    ),
    calibrationError(heads.flatMap((head) => predictionsOf(head, model).slice(0, 1))).toFixed(4),
    unanswerable.length === 0 ? '' : areaUnderCurve(answered).toFixed(3),
    quantile(cpu, 0.5).toFixed(1),
    quantile(cpu, 0.95).toFixed(1),
  ]
  return { line: `| ${cells.join(' | ')} |`, gain: after - before }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
