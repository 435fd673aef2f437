import { InvalidArgumentError } from 'commander'

/** For a number between two others. */
export function numberWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`)
    return value
  }
}
