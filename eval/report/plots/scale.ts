/** A value's place on an axis. */
export type Scale = (value: number) => number

export interface Axis {
  readonly scale: Scale
  /** Values to mark, round ones. */
  readonly ticks: readonly number[]
}

/** An axis over values with some room around them, cut off at the ends that a quantity can't pass. */
export function axisOver(
  values: readonly number[],
  pixels: readonly [number, number],
  limits: { readonly min: number; readonly max: number },
  ticksWanted = 4,
): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const room = Math.max((most - least) * 0.12, most * 0.01, 1e-6)
  const from = Math.max(limits.min, least - room)
  const to = Math.min(limits.max, most + room)
  const range = to - from || 1
  const scale: Scale = (value) => pixels[0] + ((value - from) / range) * (pixels[1] - pixels[0])
  return { scale, ticks: ticksBetween(from, to, ticksWanted) }
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function ticksBetween(from: number, to: number, wanted: number): number[] {
  const raw = (to - from) / wanted
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10)
  const ticks: number[] = []
  for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-9; at += step)
    ticks.push(Number(at.toPrecision(12)))
  return ticks
}
