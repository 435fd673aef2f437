/** Counts tokens exactly as the named encoding does. Any text is counted in time linear in its length. */
export interface Tokenizer {
  readonly name: string
  count(text: string): number
}
