import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import type { Generated, Generator, Instruction } from '../../src/core/generator.ts'
import { estimateTokens } from '../batcher.ts'
import { callJson } from '../http.ts'
import { type AdapterContext, revealHeaders } from '../options.ts'
import { retrying } from '../retry.ts'
import { createUpstream } from '../upstream.ts'
import { type ChatOptions, chatOptions } from './options.ts'

type Settings = z.output<typeof chatOptions>
type Post = (instruction: Instruction, signal: AbortSignal) => Promise<Generated>

/** Queries have places and a timeout of their own, and are never tried twice. */
export function openChat(options: ChatOptions, context: AdapterContext = {}): Generator {
  const settings = chatOptions.parse(options)
  const post = provenPost(settings)
  const upstream = createUpstream({
    name: nameOf(settings),
    concurrency: settings.concurrency,
    breaker: { failuresMax: settings.breaker_failures, openMs: settings.breaker_open_ms },
    onBreaker: context.onBreaker,
  })
  const queryLane = upstream.lane(settings.query_timeout_ms)
  const ingestLane = upstream.lane(settings.timeout_ms)
  const { model, revision } = settings
  return {
    profile: { provider: 'openai-compatible', model, revision },
    generate: (instruction, { waits, signal }) =>
      waits === 'query'
        ? queryLane((wire) => post(instruction, wire), signal)
        : retrying(() => ingestLane((wire) => post(instruction, wire), signal), {
            retriesMax: settings.retries,
            waitMsMax: settings.retry_wait_ms,
            signal,
          }),
    checkHealth: async (signal) => {
      await ask(settings, PROBE, signal)
    },
    close: async () => {},
  }
}

function nameOf({ model }: Settings): string {
  return `generator ${model}`
}

/** Enough for a model that thinks before it speaks. */
const PROBE: Instruction = { system: 'Answer with ok.', material: ['ok?'], tokensMax: 16 }

/**
 * Until a first call has succeeded, a refusal may be of the settings rather than of the material: with such settings
 * no document would do, and none must be given up for them.
 */
function provenPost(settings: Settings): Post {
  let proven = false
  return async (instruction, signal) => {
    try {
      const generated = toGenerated(await ask(settings, instruction, signal), instruction, settings)
      proven = true
      return generated
    } catch (error) {
      if (!proven && isRefusal(error)) await proveSettings(settings, signal)
      throw error
    }
  }
}

async function proveSettings(settings: Settings, signal: AbortSignal): Promise<void> {
  try {
    await ask(settings, PROBE, signal)
  } catch (error) {
    if (!isRefusal(error)) throw error
    throw new QuarryError(
      'upstream_failed',
      `${nameOf(settings)} refuses even one plain word: check model, temperature, max_tokens_field, extra_body and headers`,
      { retryable: false },
    )
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof QuarryError && error.code === 'invalid_request'
}

const answerSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: z.number().optional(),
      completion_tokens: z.number().optional(),
      prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
    })
    .nullish(),
})
type Answer = z.output<typeof answerSchema>

function ask(settings: Settings, instruction: Instruction, signal: AbortSignal): Promise<Answer> {
  const { temperature } = settings
  return callJson({
    upstream: nameOf(settings),
    url: `${settings.base_url}/chat/completions`,
    headers: revealHeaders(settings.headers, settings.api_key),
    body: {
      ...settings.extra_body,
      model: settings.model,
      messages: [
        { role: 'system', content: instruction.system },
        { role: 'user', content: contentOf(instruction, settings) },
      ],
      [settings.max_tokens_field]: instruction.tokensMax,
      ...(temperature === null ? {} : { temperature }),
    },
    schema: answerSchema,
    signal,
    responseBytesMax: settings.response_bytes,
  })
}

/** One string is what every server takes; parts are for those that want to be told where their cache should end. */
function contentOf({ material }: Instruction, { cache_control }: Settings) {
  if (!cache_control || material.length < 2) return material.join('\n\n')
  return material.map((text, at) => ({
    type: 'text',
    text,
    ...(at === material.length - 2 ? { cache_control: { type: 'ephemeral' } } : {}),
  }))
}

function toGenerated(
  { choices, usage }: Answer,
  { system, material }: Instruction,
  settings: Settings,
): Generated {
  const [choice] = choices
  const text = choice?.message.content ?? ''
  if (choice?.finish_reason === 'content_filter')
    throw new QuarryError('invalid_request', `${nameOf(settings)} refused the input`)
  if (text.trim() === '')
    throw new QuarryError('upstream_failed', `${nameOf(settings)} answered with no text`)
  const shown = [system, ...material]
  return {
    text,
    tokens: {
      input: usage?.prompt_tokens ?? shown.reduce((sum, each) => sum + estimateTokens(each), 0),
      cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
      output: usage?.completion_tokens ?? estimateTokens(text),
    },
  }
}
