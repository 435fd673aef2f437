import { z } from 'zod'

/** The engine in this process; there is nothing to tell it. */
export const localOptions = z.strictObject({})
