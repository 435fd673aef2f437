import { z } from 'zod'
import { httpUrl, secret, upstreamOptions, within } from '../options.ts'

/** Any server with OpenAI's `/chat/completions`: OpenAI, vLLM, Ollama, LiteLLM, OpenRouter, most others. */
export const chatOptions = z.strictObject({
  /** Up to and with `/v1`, as in `https://api.openai.com/v1`. */
  base_url: httpUrl,
  api_key: secret.optional(),
  model: z.string().min(1).max(256),
  /** Raise it when the server's model changes under the same name: what the old one wrote is not used any more. */
  revision: z.string().min(1).max(64).default('1'),
  /** Null leaves it out, for models that refuse it. */
  temperature: z.number().min(0).max(2).nullable().default(0),
  /** Newer models of OpenAI take `max_completion_tokens` only. */
  max_tokens_field: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  /** Marks what calls have in common, for providers that cache only what is marked (Anthropic behind a gateway). */
  cache_control: z.boolean().default(false),
  /** Sent along in every body, such as `{"reasoning_effort": "none"}`. No secrets: it is printed as it is. */
  extra_body: z.record(z.string(), z.json()).default({}),
  retries: within('upstreamRetries'),
  retry_wait_ms: within('upstreamRetryWaitMs'),
  response_bytes: within('generateResponseBytes'),
  timeout_ms: within('upstreamMs'),
  query_timeout_ms: within('generateQueryMs'),
  ...upstreamOptions,
})

export type ChatOptions = z.input<typeof chatOptions>
