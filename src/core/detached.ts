/** The same text in memory of its own: a slice keeps alive all of the text that it was cut from. */
export function detached(slice: string): string {
  return Buffer.from(slice, 'utf16le').toString('utf16le')
}
