import type { PromptFormat } from '../prompt.ts'
import { anthropic } from './anthropic.ts'
import { cohere } from './cohere.ts'
import type { Renderer } from './layout.ts'
import { openai } from './openai.ts'
import { text } from './text.ts'

export const RENDERERS: Readonly<Record<PromptFormat, () => Renderer>> = {
  openai,
  anthropic,
  cohere,
  text,
}
