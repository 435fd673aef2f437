/** A text whose UTF-16 units lie in an array, which is read several times quicker than the text; one text at a time. */
export class TextUnits {
  #text = ''
  #units: Uint16Array = new Uint16Array(4096)

  get text(): string {
    return this.#text
  }

  /** Of the text that was read last, and a 0 behind it. */
  get units(): Uint16Array {
    return this.#units
  }

  read(text: string): void {
    const { length } = text
    if (length >= this.#units.length) this.#units = new Uint16Array(2 * length)
    const units = this.#units
    for (let at = 0; at < length; at++) units[at] = text.charCodeAt(at)
    units[length] = 0
    this.#text = text
  }
}
