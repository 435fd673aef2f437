"""Writes test/fixtures/wordpiece/fixture.json: odd texts and their ids by Hugging Face's tokenizers, in three casings.

usage: pip install -r requirements.txt && python fixture.py > ../../test/fixtures/wordpiece/fixture.json
"""

import json
import random

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

CASINGS = [
    {"lowercase": True, "strip_accents": True},
    {"lowercase": False, "strip_accents": False},
    {"lowercase": True, "strip_accents": False},
]
WORDS = "the un ##aff ##able aff ##ord ##ing token ##ization retrieval ret ##rie ##val ##s cafe naive resume".split()
SENTENCES = [
    "Unaffable retrievals, unaffordable tokenization!",
    "The café's naïve RÉSUMÉ – ÅNGSTRÖM, São Tomé, Ǆ ǅ ǆ",
    "Straße, STRASSE, İstanbul, ISTANBUL, ıstanbul, ﬁnance, ﷺ",
    "ΟΔΥΣΣΕΥΣ Σίσυφος ὈΔΥΣΣΕΎΣ ΐ",
    "Съешь ещё этих мягких французских булок, ЙОД Ё",
    "זֹאת הִיא שִׂמְחָה",
    "هٰذَا نَصٌّ عَرَبِيٌّ، أإآؤ ـــ",
    "यह एक परीक्षण है। क़ख़ग़ श्रीमान्",
    "நொடி கௌரி",
    "นี่คือการทดสอบ น้ำใจ",
    "这是一个测试。漢字かな交じり文、カタカナﾊﾝｶｸ",
    "한국어 시험 문장 각 가 힣",
    "Tiếng Việt: Đặng Ngữ ệ ộ ữ",
    "emoji 😀😀 👩‍👩‍👧‍👦 🇩🇪 ❤️ x😀y",
    "豈更車 ≠ ≮ a≮b ; ` ΅ Å K Ω 〈x〉",
    "no\u00a0break\u2003em\u3000wide\u2028line\u1680ogham\u200bzero\u200d\u2060\ufeffbom",
    "tab\tnew\nline\r\nvertical\x0bform\x0cnext\x85nul\x00\x1f\x7f end",
    "soft\u00adhyphen \ufffd replacement \ue000 private \U000f0000 plane",
    "a\u0301\u0302\u0303b e\u0301\u0327 \u0301alone q\u0307\u0323",
    "math 𝒜𝔅 ½ ² ³ ① Ⅷ ⅷ ℵ ∑∫ $+<=>^`|~ ¢£€ ©®™ §¶ †‡ ‰ ° ¨ ¯",
    "𐐀𐐁 𐐨 𞤀𞥄 Ა ა Ꭰ ꭰ Ɐ",
    "[CLS] [SEP] [MASK] [UNK] ##able un##aff",
    "http://example.org/a_b?c=d&e=%20#f user@example.org C:\\dir\\file.txt",
    "snake_case camelCase kebab-case 3.14 1,000 v2.0.1 0x1F",
    "“quotes” ‘single’ «guillemets» – — … ‹› ・ ؟ ، ۔ ¿¡ ‽ ⸮ \u2e43 \u061d",
    "new \u0560 \u08b6 \u1c90 \ua7c0 \U000105c9 \U00011938 \U0001fae0 \u0898x",
    "",
    "   ",
    "\u200b",
]


def made():
    texts = list(SENTENCES)
    for letters in ("a", "é", "e\u0301", "가", "\U00010428", "\u0301"):
        texts += [letters * count + " the" for count in (33, 34, 99, 100, 101, 150)]
    shuffled = random.Random(1)
    characters = [c for text in SENTENCES for c in text]
    texts += ["".join(shuffled.choices(characters, k=40)) for _ in range(120)]
    return texts


def vocabulary_of(texts):
    """Whole words of the list above, and all characters that words are made of, but a few: those are unknown."""
    characters = set()
    for casing in CASINGS:
        normalize = BertNormalizer(**casing).normalize_str
        characters |= {c for text in texts for c in normalize(text) if c != " "}
    kept = [c for i, c in enumerate(sorted(characters)) if i % 19 != 5 or c.isascii()]
    return ["[UNK]", *WORDS, *kept, *(f"##{c}" for c in kept)]


def ids_by(casing, vocabulary, texts):
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(**casing)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


texts = made()
vocabulary = vocabulary_of(texts)
casings = [{**casing, "ids": ids_by(casing, vocabulary, texts)} for casing in CASINGS]
print(json.dumps({"vocabulary": vocabulary, "texts": texts, "casings": casings}, separators=(",", ":")))
