import { hash } from 'node:crypto'
import { randomHex } from '../core/random-hex.ts'
import { visibleText } from '../core/visible-text.ts'
import type { PinnedDocument } from './prompt.ts'

const NONCE_BYTES = 16
const NONCE_DIGITS = 39
const ATTRIBUTE_CHARS = 300
/** The names that our own tags have; content that opens one is shown with an escaped bracket. */
const OWN_TAG = /<(?=[\s/]*(?:doc|pinned|retrieved)(?![\p{L}\p{N}_]))/giu

/** 128 random bits: nobody who wrote a document can know the name of the fence that it stands in. */
export function randomNonce(): string {
  return decimal(randomHex(NONCE_BYTES))
}

/**
 * The fence of the pinned documents must not change between requests, or no provider caches them, nor differ between
 * processes. It is no secret, and need not be: it hashes all that stands inside it (every id, title and text), so
 * content that closes it would have to hold its own hash, a fixed point of SHA-256 in 128 bits. Who wrote what stands
 * elsewhere may know the name, but finds no use for it: a tag of ours in any content is shown escaped.
 */
export function contentNonce(documents: readonly PinnedDocument[]): string {
  const content = JSON.stringify(documents.map(({ id, title, text }) => [id, title, text]))
  return decimal(hash('sha256', content).slice(0, 2 * NONCE_BYTES))
}

/** A third fewer tokens than in hex, and no token spans a digit and what else stands beside it. */
function decimal(hex: string): string {
  return BigInt(`0x${hex}`).toString().padStart(NONCE_DIGITS, '0')
}

/** Untrusted text that can neither close a fence nor open a document of its own. */
export function fencedText(text: string): string {
  const visible = visibleText(text)
  return visible.includes('<') ? visible.replace(OWN_TAG, '&lt;') : visible
}

/** What is an attribute as it stands, as most ids are. */
const PLAIN_ATTRIBUTE = new RegExp(`^[!#-;=?-~]{0,${ATTRIBUTE_CHARS}}$`)

/** Untrusted text on one line, fit for an attribute. */
export function fencedAttribute(text: string): string {
  if (PLAIN_ATTRIBUTE.test(text)) return text
  return oneLine(text).replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

export function oneLine(text: string): string {
  const line = visibleText(text).replace(/\s+/g, ' ').trim()
  return line.slice(0, ATTRIBUTE_CHARS).replace(/[\ud800-\udbff]$/, '')
}
