import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'

type Random = () => number

export interface Damage {
  readonly what: string
  /** What was changed, below the folder. */
  readonly file: string
}

type Harm = (files: Map<string, Buffer>, name: string, random: Random) => void

const HARMS: Readonly<Record<string, Harm>> = {
  'flipped bits': (files, name, random) => {
    const bytes = Buffer.from(files.get(name) as Buffer)
    for (let flips = 1 + below(random, 3); flips > 0; flips--) {
      const at = below(random, bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8))
    }
    files.set(name, bytes)
  },
  'cut off': (files, name, random) => {
    const bytes = files.get(name) as Buffer
    files.set(name, bytes.subarray(0, below(random, bytes.length)))
  },
  'zeroed range': (files, name, random) => {
    const bytes = Buffer.from(files.get(name) as Buffer)
    const from = below(random, bytes.length)
    files.set(name, bytes.fill(0, from, Math.min(bytes.length, from + 1 + below(random, 4_096))))
  },
  'bytes added': (files, name, random) => {
    const added = Buffer.alloc(1 + below(random, 100), below(random, 256))
    files.set(name, Buffer.concat([files.get(name) as Buffer, added]))
  },
  removed: (files, name) => {
    files.delete(name)
  },
  'swapped with another': (files, name, random) => {
    const other = pick(random, [...files.keys()])
    const bytes = files.get(name) as Buffer
    files.set(name, files.get(other) as Buffer)
    files.set(other, bytes)
  },
  'swapped with one of its kind': (files, name, random) => {
    const other = pick(random, alike(files, name))
    const bytes = files.get(name) as Buffer
    files.set(name, files.get(other) as Buffer)
    files.set(other, bytes)
  },
  'another of its kind in its place': (files, name, random) => {
    files.set(name, files.get(pick(random, alike(files, name))) as Buffer)
  },
}

/** A folder as it should be, put back and harmed again and again. */
export class DamagedFolder {
  readonly #folder: string
  readonly #sound: ReadonlyMap<string, Buffer>

  private constructor(folder: string, sound: ReadonlyMap<string, Buffer>) {
    this.#folder = folder
    this.#sound = sound
  }

  static async of(folder: string): Promise<DamagedFolder> {
    const sound = new Map<string, Buffer>()
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) sound.set(path.slice(folder.length + 1), await readFile(path))
    }
    return new DamagedFolder(folder, sound)
  }

  get files(): readonly string[] {
    return [...this.#sound.keys()]
  }

  /** Undoes whatever happened since, then does one random harm to one random file. */
  async harm(random: Random): Promise<Damage> {
    const files = new Map(this.#sound)
    const what = pick(random, Object.keys(HARMS))
    const file = pick(random, this.files)
    const harm = HARMS[what] as Harm
    harm(files, file, random)
    await this.#write(files)
    return { what, file }
  }

  /** Files that stand as they should are not written again. */
  async #write(files: ReadonlyMap<string, Buffer>): Promise<void> {
    for (const entry of await readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && !files.has(path.slice(this.#folder.length + 1))) await rm(path)
    }
    for (const [name, bytes] of files) {
      const path = join(this.#folder, name)
      const there = await readFile(path).catch(() => null)
      if (there?.equals(bytes) !== true) await writeAnew(path, bytes)
    }
  }
}

async function writeAnew(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}

/** Others with the same ending: segments, deletes, graphs or manifests. */
function alike(files: ReadonlyMap<string, Buffer>, name: string): string[] {
  const others = [...files.keys()].filter(
    (other) => other !== name && extname(other) === extname(name),
  )
  return others.length > 0 ? others : [name]
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)] as T
}
