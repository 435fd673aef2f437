const utf8 = new TextEncoder()
const SCRATCH_BYTES = 2 ** 18
/** Of one UTF-16 unit. */
const UTF8_BYTES_MAX = 3

const scratch = new Uint8Array(SCRATCH_BYTES)

/** JSON in UTF-8: into memory that is there already Node encodes text sooner than into a socket. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(value)
  if (text.length * UTF8_BYTES_MAX > SCRATCH_BYTES) return utf8.encode(text)
  const { written } = utf8.encodeInto(text, scratch)
  return scratch.slice(0, written)
}
