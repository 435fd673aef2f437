type Fields = Readonly<Record<string, unknown>>

/** Fields that say which of several things an object describes; the options of one do not fit another. */
const CHOICES = ['kind', 'adapter'] as const

/**
 * Settings laid over others: plain objects merge key by key, everything else replaces (null too), undefined does not
 * count. An object that chooses another `kind` or `adapter` than the one below stands alone.
 */
export function layer(under: Fields, over: Fields): Record<string, unknown> {
  if (choosesAnother(under, over)) return layer({}, over)
  const laid = Object.entries(over)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const below = Object.hasOwn(under, key) ? under[key] : undefined
      return [key, isPlain(below) && isPlain(value) ? layer(below, value) : value] as const
    })
  return { ...under, ...Object.fromEntries(laid) }
}

function choosesAnother(under: Fields, over: Fields): boolean {
  return CHOICES.some(
    (field) =>
      over[field] !== undefined && under[field] !== undefined && over[field] !== under[field],
  )
}

/** An object literal or what JSON gives; not an array, a `Secret` or any other instance. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
