import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainForms } from '../../src/core/analysis/fold.ts'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import { porterStem } from '../../src/core/analysis/porter.ts'
import { WORD } from '../../src/core/analysis/word-pattern.ts'
import { eachWord } from '../../src/core/analysis/words.ts'

const NAMES = ['english', 'unicode', 'code'] as const

/** Words and stems of Porter's paper (Program 14(3), 1980), all five steps applied. */
const STEMS = `
  caresses caress, ponies poni, ties ti, caress caress, cats cat, feed feed, agreed agre, plastered plaster, bled bled,
  motoring motor, sing sing, conflated conflat, troubled troubl, sized size, hopping hop, tanned tan, falling fall,
  hissing hiss, fizzed fizz, failing fail, filing file, happy happi, sky sky, relational relat, conditional condit,
  rational ration, valenci valenc, hesitanci hesit, digitizer digit, conformabli conform, radicalli radic,
  differentli differ, vileli vile, analogousli analog, vietnamization vietnam, predication predic, operator oper,
  feudalism feudal, decisiveness decis, hopefulness hope, callousness callous, formaliti formal, sensitiviti sensit,
  sensibiliti sensibl, triplicate triplic, formative form, formalize formal, electriciti electr, electrical electr,
  hopeful hope, goodness good, revival reviv, allowance allow, inference infer, airliner airlin, gyroscopic gyroscop,
  adjustable adjust, defensible defens, irritant irrit, replacement replac, adjustment adjust, dependent depend,
  adoption adopt, homologou homolog, communism commun, activate activ, angulariti angular, homologous homolog,
  effective effect, bowdlerize bowdler, probate probat, rate rate, cease ceas, controll control, roll roll,
  generalizations gener, oscillators oscil, archaeology archaeolog, possibly possibl, is is, as as, by by, says sai,
  dying dy, yes ye, toy toi, crying cry, syzygy syzygi, skies ski, being be, opinion opinion, version version`

/** Texts of what parts and joins words, in ASCII alone or with other scripts among it. */
const PLAIN = "abAZ09__:.,;' -\n(/"
const OTHERS = 'é\u0301日あカก\u0660\u203f\u00b7’\u00ad\ud83dß'
const anyText = fc.oneof(
  ...[PLAIN, PLAIN + OTHERS].map((characters) =>
    fc.array(fc.constantFrom(...characters), { maxLength: 300 }).map((chosen) => chosen.join('')),
  ),
  fc.integer({ min: 120, max: 600 }).map((length) => `${'a1b'.repeat(length / 3)} end`),
)

function wordsOf(text: string): string[] {
  const words: string[] = []
  eachWord(text, (source, from, to) => words.push(source.text.slice(from, to)))
  return words
}

function wordsByPattern(text: string): string[] {
  return (plainForms(text).match(WORD) ?? []).filter((word) => !/^\p{Pc}+$/u.test(word))
}

describe('Porter’s stemmer', () => {
  it.each(
    STEMS.trim()
      .split(/,\s+/)
      .map((pair) => pair.split(' ')),
  )('%s → %s', (word = '', stem = '') => {
    expect(porterStem(word)).toBe(stem)
  })
})

describe('english', () => {
  it.each([
    ['The quick brown foxes', 'quick brown fox'],
    ['to be, or not to be', ''],
    ["O'Reilly's dog’s U.S.A. can't", "o'reilli dog u.s.a can't"],
    ['3.14 1,000,000 3. 14 v1.2.3', '3.14 1,000,000 3 14 v1.2.3'],
    ['e-mail state-of-the-art snake_case __init__', 'e mail state art snake_cas __init__'],
    ['_ __ - –', ''],
    ['naïve café NAÏVE', 'naïv café naïv'],
    ['ﬁle ＡＢＣ co\u00adoperate', 'file abc cooper'],
    ['İstanbul', 'istanbul'],
    ['日本語 カタカナ', '日 本 語 カタカナ'],
    ['Россия и мир', 'россия и мир'],
  ])('%j', (text, terms) => {
    expect(openAnalyzer('english').terms(text).join(' ')).toBe(terms)
  })

  it('parts words as the pattern does that is their definition', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(wordsOf(text)).toEqual(wordsByPattern(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it('does so for every unit of the scripts that it knows without the pattern', () => {
    const around = ['', 'a', '1', '_', '.', ' ', 'é', '\u0301', '\u00ad', '中', 'ﬁ']
    const known = [
      ...Array.from({ length: 0x700 - 0x80 }, (_, i) => 0x80 + i),
      ...Array.from({ length: 0x70 }, (_, i) => 0x2000 + i),
    ]
    const wrong: string[] = []
    for (const unit of known)
      for (const before of around)
        for (const after of around) {
          const text = `x ${before}${String.fromCharCode(unit)}${after}y`
          if (wordsOf(text).join(' ') !== wordsByPattern(text).join(' ')) wrong.push(text)
        }
    expect(wrong).toEqual([])
  })

  it('answers the same for a word that it met before, also among very many', () => {
    const { terms } = openAnalyzer('english')
    const rare = Array.from({ length: 70_000 }, (_, i) => `q${i.toString(36)}s`).join(' ')
    const first = terms('The Boats of dogs')
    expect(first).toEqual(['boat', 'dog'])
    expect(terms(rare)).toHaveLength(70_000)
    expect(terms(rare).at(-1)).toBe(`q${(69_999).toString(36)}`)
    expect(terms('The Boats of dogs')).toEqual(first)
  })

  it('leaves a gap for every stop word', () => {
    expect(openAnalyzer('english').positions('the cat on the mat')).toEqual([
      { term: 'cat', position: 1 },
      { term: 'mat', position: 4 },
    ])
  })

  it('cuts a word of more than 255 letters into pieces, as Lucene does', () => {
    const terms = openAnalyzer('english').terms('x'.repeat(600))
    expect(terms.map(({ length }) => length)).toEqual([255, 255, 90])
  })
})

describe('unicode', () => {
  it.each([
    ['The cats', 'the cat'],
    ['des Hauses, les glaces, bus, glass, 1990s', 'des hause les glace bus glass 1990'],
    ['STRASSE Straße Οδός ΟΔΟΣ ёлка елка', 'strasse strasse οδόσ οδοσ елка елка'],
    ['cafe\u0301 café', 'café café'],
    ['３７ ﬁle Ⅳ ㎏', '37 file iv kg'],
    ['日本語です', '日本 本語 語で です'],
    ['水', '水'],
    ['2024年にtokyoで', '2024 年に tokyo で'],
    ['東京、大阪', '東京 大阪'],
    ['한국어', '한국 국어'],
    ['𠮷野家', '𠮷野 野家'],
    ['ภาษา', 'ภาษ าษา'],
    ['ไป', 'ไป'],
    ['हिन्दी भाषा', 'हिन्दी भाषा'],
    ['العَرَبِيَّة إلى', 'العربيه الي'],
    ['שָׁלוֹם', 'שלום'],
    ['don’t snake_case a-b', 'don t snake case a b'],
  ])('%j', (text, terms) => {
    expect(openAnalyzer('unicode').terms(text).join(' ')).toBe(terms)
  })

  it('finds in ASCII what it finds in other text', () => {
    const { positions } = openAnalyzer('unicode')
    fc.assert(
      fc.property(anyText, (text) => {
        const beyondAscii = text.replace(/[^a-zA-Z0-9\u0080-\u{10ffff}]/gu, '\u3001')
        expect(positions(text)).toEqual(positions(beyondAscii))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('code', () => {
  it.each([
    ['getUserName', 'getusername get user name'],
    ['get_user_name GET_USER_NAME', 'getusername get user name getusername get user name'],
    ['get-user-name', 'getusername get user name'],
    ['HTTPServer parseXMLDoc', 'httpserver http server parsexmldoc parse xml doc'],
    ['utf8 sha256sum', 'utf8 utf 8 sha256sum sha 256 sum'],
    ['foo.bar(baz)->qux::Quux', 'foo bar baz qux quux'],
    ['What is the purpose of the DiffExecutor?', 'purpose diffexecutor diff executor'],
    ['for if return _private __init__', 'if return private init'],
    ['日本語', '日本 本語'],
    ['größeÄndern', 'grösseändern grösse ändern'],
  ])('%j', (text, terms) => {
    expect(openAnalyzer('code').terms(text).join(' ')).toBe(terms)
  })

  it('puts the whole where its first word is', () => {
    expect(openAnalyzer('code').positions('the getUser x')).toEqual([
      { term: 'getuser', position: 1 },
      { term: 'get', position: 1 },
      { term: 'user', position: 2 },
      { term: 'x', position: 3 },
    ])
  })
})

describe.each(NAMES)('%s, on any text', (name) => {
  const analyzer = openAnalyzer(name)

  it('has a name, terms that are short and not empty, and positions that never fall', () => {
    expect(analyzer.name).toBe(name)
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const positions = analyzer.positions(text)
        expect(positions.map(({ term }) => term)).toEqual(analyzer.terms(text))
        let last = 0
        for (const { term, position } of positions) {
          expect(term.length).toBeGreaterThan(0)
          expect(term.length).toBeLessThanOrEqual(1_024)
          expect(term).toBe(term.toLowerCase())
          expect(position).toBeGreaterThanOrEqual(name === 'code' ? 0 : last)
          last = position
        }
      }),
    )
  })

  it.each([
    ['letters', 'a'],
    ['dotted letters', 'b.'],
    ['digits and commas', '1,'],
    ['marks', '\u0301'],
    ['marks and apostrophes', "b\u0301'"],
    ['underscores', '_'],
    ['humps', 'bC'],
    ['ideographs', '日'],
    ['Thai', 'ก'],
    ['half surrogates', '\ud800'],
    ['hyphens', 'b-'],
  ])('takes half a million of %s in one piece', (_what, unit) => {
    const terms = analyzer.terms(`z ${unit.repeat(500_000)} z`)
    expect([terms[0], terms[terms.length - 1]]).toEqual(['z', 'z'])
  })
})
