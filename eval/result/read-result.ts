import { readFile } from 'node:fs/promises'
import { QuarryError } from '../../src/core/errors.ts'
import { jsonFault } from '../../src/core/json-fault.ts'
import { type EvalResult, RESULT_FORMAT, resultSchema } from './schema.ts'

/**
 * Reads what an earlier evaluation wrote.
 * @throws QuarryError `invalid_request` when there is no such file or it is no result of this form
 */
export async function readResult(path: string): Promise<EvalResult> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new QuarryError('invalid_request', `${path} cannot be read`, { cause })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new QuarryError('invalid_request', `${path} is not JSON: ${jsonFault(text, cause)}`)
  }
  const parsed = resultSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const fault = parsed.error.issues[0]
  throw new QuarryError(
    'invalid_request',
    `${path} is no result of the form ${RESULT_FORMAT}: ${fault?.path.join('.') ?? ''}: ${fault?.message ?? ''}`,
  )
}
