import { access } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The folder of package.json: one up from this file as source, two up in `dist`. */
export async function packageRoot(): Promise<string> {
  for (const path of ['../', '../../']) {
    const found = await access(new URL(`${path}package.json`, import.meta.url)).then(
      () => true,
      () => false,
    )
    if (found) return fileURLToPath(new URL(path, import.meta.url))
  }
  throw new Error('package.json is not where the executable was built')
}
