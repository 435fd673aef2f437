import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DATASETS } from './data/datasets.ts'

export interface Passage {
  readonly id: string
  readonly text: string
}

export interface Corpus {
  readonly name: string
  readonly passages: readonly Passage[]
  readonly questions: readonly string[]
}

const QUESTIONS = 2_000

/** Real passages and questions where the set is there, filled up with generated ones to the count asked for. */
export async function readCorpus(
  set: string,
  count: number,
  questionCount = QUESTIONS,
): Promise<Corpus> {
  const real = existsSync(join(DATASETS, set, 'corpus.jsonl'))
    ? await readSet(set, count)
    : { passages: [], questions: [] }
  const generate = textGenerator(7)
  const missing = count - real.passages.length
  const filler = Array.from({ length: missing }, (_, serial) => ({
    id: `generated-${serial}`,
    text: generate(120),
  }))
  const questions =
    real.questions.length > 0
      ? real.questions
      : Array.from({ length: questionCount }, () => generate(9))
  return {
    name:
      missing === count
        ? 'generated'
        : missing > 0
          ? `${set} (${count - missing}) + generated (${missing})`
          : set,
    passages: [...real.passages, ...filler],
    questions: spread(questions, questionCount),
  }
}

async function readSet(
  set: string,
  count: number,
): Promise<{ passages: Passage[]; questions: string[] }> {
  const passages: Passage[] = []
  const questions: string[] = []
  for await (const { _id, title, text } of lines(join(DATASETS, set, 'corpus.jsonl')))
    if (passages.length < count)
      passages.push({ id: String(_id), text: title ? `${title}\n\n${text}` : String(text) })
  for await (const { text } of lines(join(DATASETS, set, 'queries.jsonl')))
    questions.push(String(text))
  return { passages, questions }
}

/** Evenly spaced ones of a list, so that neighbours in the file do not crowd the sample. */
function spread<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count)
  return Array.from(
    { length: Math.min(count, list.length) },
    (_, index) => list[Math.floor(index * step)] as T,
  )
}

async function* lines(path: string): AsyncGenerator<Record<string, unknown>> {
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  }))
    if (line !== '') yield JSON.parse(line) as Record<string, unknown>
}

/** Words of a Zipf-like vocabulary, so that term frequencies look like a language's. */
export function textGenerator(seed: number): (words: number) => string {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
  const word = (rank: number): string => {
    let rest = rank + 27
    let letters = ''
    while (rest > 0) {
      letters += 'etaoinshrdlucmfwypvbgkjqxz'[rest % 26]
      rest = Math.floor(rest / 26)
    }
    return letters
  }
  return (words) =>
    Array.from({ length: words }, () => word(Math.floor(30_000 ** next()))).join(' ')
}
