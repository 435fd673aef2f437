import { createRequire } from 'node:module'
import { resolve } from 'node:path'

/** `npm run` starts in the project's folder, and built code lies elsewhere. */
const requirePeer = createRequire(resolve('bench/package.json'))

/** A peer that is not installed, or can't do what is asked of it. */
export class PeerUnavailable extends Error {}

/**
 * A package of bench/package.json. Loaded by name, so that the benchmarks type-check where the peers are not installed.
 * @throws PeerUnavailable
 */
export function loadPeer<Package>(name: string): Package {
  try {
    return requirePeer(name) as Package
  } catch (error) {
    throw new PeerUnavailable(
      `${name} does not load (npm ci --prefix bench): ${(error as Error).message.split('\n')[0]}`,
      { cause: error },
    )
  }
}
