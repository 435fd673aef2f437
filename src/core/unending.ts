/** For work that nobody gives up on: it ends when it is done, or with its thread. */
export const unending: AbortSignal = new AbortController().signal
