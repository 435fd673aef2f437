import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { cached } from './cache.ts'

/** Debian packages rich in prose, the denser ones first. */
const PACKAGES =
  `postgresql-doc-15 debian-handbook linux-doc-6.1 perl-doc manpages-dev manpages python3.11-doc
  glibc-doc erlang-manpages erlang-doc libboost1.81-doc nodejs-doc libreoffice-help-en-us racket-doc python-pandas-doc
  python-scipy-doc python-statsmodels-doc python-sympy-doc python-astropy-doc python-sklearn-doc python-dask-doc
  python-biopython-doc sagemath-doc openjdk-17-doc rust-doc ghc-doc llvm-16-doc libstdc++-12-doc db5.3-doc csound-doc
  maxima-doc octave-doc lilypond-doc giac-doc grass-doc ns3-doc singular-doc sumo-doc
  libreoffice-help-fr libreoffice-help-es libreoffice-help-it libreoffice-help-de libreoffice-help-pt-br gimp-help-en
  installation-guide-amd64 kicad-doc-en apache2-doc scilab-doc neutron-doc lammps-doc dpdk-doc twisted-doc gap-doc
  python-sqlalchemy-doc python-django-doc manpages-de manpages-fr-dev libgtk-4-doc libgtk-3-doc ruby3.1-doc nova-doc
  ironic-doc git-doc cinder-doc wireshark-doc qtcreator-doc gnumeric-doc efl-doc petsc3.18-doc bacula-doc libpcl-doc
  libocct-doc opencv-doc libasio-doc trilinos-doc libdeal.ii-doc libreoffice-dev-doc vtk9-doc`.split(
    /\s+/,
  )

const WORDS = 120
/** Passages of the two files that are made; fewer are the first ones of a file. */
const SMALL = 200_000
const LARGE = 1_000_000
/** A line seen this often is a page's furniture. */
const REPEATS_MAX = 40

export class CorpusUnavailable extends Error {}

/**
 * A file of different passages of about 120 words of real text, one a line: the one that BENCH_CORPUS names, or made of
 * Debian's documentation packages. The digest tells files of different passages apart.
 * @throws CorpusUnavailable where there are too few
 */
export async function passagesFile(count: number): Promise<{ path: string; digest: string }> {
  const size = count <= SMALL ? SMALL : LARGE
  const path =
    process.env['BENCH_CORPUS'] ??
    (await cached(`passages-${size}.txt`, (file) => extractPassages(file, size)))
  const { size: bytes } = await stat(path)
  return { path, digest: hashOf(`${path} ${bytes}`).toString(36) }
}

/** @throws CorpusUnavailable */
export async function* passageLines(count: number): AsyncGenerator<string> {
  const { path } = await passagesFile(count)
  let given = 0
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    if (line.trim() === '') continue
    yield line
    given += 1
    if (given === count) return
  }
  throw new CorpusUnavailable(`${path} has ${given} passages, not ${count}`)
}

/** @throws CorpusUnavailable */
export async function readPassages(count: number): Promise<readonly string[]> {
  const passages: string[] = []
  for await (const passage of passageLines(count)) passages.push(passage)
  return passages
}

async function extractPassages(path: string, count: number): Promise<void> {
  const folder = `${path}-packages`
  const out = createWriteStream(path, 'utf8')
  const writer = new PassageWriter(out, count)
  await mkdir(folder, { recursive: true })
  try {
    for (const name of PACKAGES) {
      await unpack(name, folder)
      for await (const text of documentsIn(join(folder, 'tree'))) {
        await writer.add(text)
        if (writer.isFull) return
      }
      await rm(join(folder, 'tree'), { recursive: true, force: true })
    }
    throw new CorpusUnavailable(
      `Debian's documentation gave ${writer.count} passages, not ${count}; name a text file with one passage a line in BENCH_CORPUS`,
    )
  } finally {
    out.end()
    await once(out, 'close')
    await rm(folder, { recursive: true, force: true })
  }
}

async function unpack(name: string, folder: string): Promise<void> {
  const run = promisify(execFile)
  try {
    await run('apt-get', ['download', '-q', name], { cwd: folder })
    const [file] = (await readdir(folder)).filter((entry) => entry.endsWith('.deb'))
    await run('dpkg-deb', ['-x', file ?? '', 'tree'], { cwd: folder })
    await rm(join(folder, file ?? ''))
  } catch (error) {
    throw new CorpusUnavailable(
      `no package ${name} from apt (${(error as Error).message.split('\n')[0]}); name a text file with one passage a line in BENCH_CORPUS`,
      { cause: error },
    )
  }
}

async function* documentsIn(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isFile()) continue
    const plainName = entry.name.replace(/\.gz$/, '')
    const isHtml = /\.x?html?$/.test(plainName)
    if (!isHtml && !/\.(txt|rst|md|[1-8]|[1-8]\w+)$/.test(plainName)) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    const text = (plainName === entry.name ? bytes : gunzipSync(bytes)).toString('utf8')
    yield isHtml ? htmlToLines(text) : text.replaceAll(/^[.']\\?"?\w* ?|\\f[BIRP]|\\&/gm, '')
  }
}

function htmlToLines(html: string): string {
  return html
    .replaceAll(/<(script|style|head|nav)\b[\s\S]*?<\/\1>/gi, ' ')
    .replaceAll(/<\/?(p|div|li|td|th|tr|dt|dd|h[1-6]|pre|br|table|ul|ol|section)\b[^>]*>/gi, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(lt|gt|amp|quot|nbsp|#\d+|#x[\da-f]+|\w+);/gi, (_whole, name: string) =>
      entityOf(name.toLowerCase()),
    )
}

function entityOf(name: string): string {
  if (name.startsWith('#x'))
    return String.fromCodePoint(Number.parseInt(name.slice(2), 16) % 65_536)
  if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)) % 65_536)
  return { lt: '<', gt: '>', amp: '&', quot: '"' }[name] ?? ' '
}

/** Joins lines to passages, leaving out repeated lines, passages seen before and tables of numbers or names. */
class PassageWriter {
  count = 0
  readonly #out: WriteStream
  readonly #countMax: number
  readonly #repeats = new Uint8Array(2 ** 24)
  readonly #seen = new Set<number>()

  constructor(out: WriteStream, countMax: number) {
    this.#out = out
    this.#countMax = countMax
  }

  get isFull(): boolean {
    return this.count === this.#countMax
  }

  async add(text: string): Promise<void> {
    let words: string[] = []
    for (const word of this.#proseOf(text)) {
      if (words.push(word) < WORDS) continue
      await this.#write(words.join(' '))
      words = []
      if (this.isFull) return
    }
    if (words.length >= WORDS / 2) await this.#write(words.join(' '))
  }

  *#proseOf(text: string): Generator<string> {
    for (const line of text.split('\n')) {
      const words = line.split(/\s+/).filter((word) => word !== '')
      if (words.length > 0 && !this.#isFurniture(words)) yield* words
    }
  }

  #isFurniture(words: readonly string[]): boolean {
    const bucket = hashOf(words.join(' ')) % this.#repeats.length
    const repeats = this.#repeats[bucket] ?? 0
    if (repeats < REPEATS_MAX) this.#repeats[bucket] = repeats + 1
    return repeats === REPEATS_MAX
  }

  async #write(passage: string): Promise<void> {
    const hash = hashOf(passage)
    const isProse = (passage.match(/\b[a-z]{3,}\b/g)?.length ?? 0) > WORDS / 4
    if (!isProse || this.#seen.has(hash)) return
    this.#seen.add(hash)
    this.count += 1
    if (!this.#out.write(`${passage}\n`)) await once(this.#out, 'drain')
  }
}

/** 53 bits: two rounds of FNV-1a over UTF-16 units. */
function hashOf(text: string): number {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x85ebca6b)
  }
  return (low >>> 0) * 2 ** 21 + ((high ^ (high >>> 15)) & 0x1fffff)
}
