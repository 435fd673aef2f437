"""Writes adapters/wordpiece/characters.ts: what Hugging Face's BERT normaliser does with every code point.

usage: pip install -r requirements.txt && python characters.py > ../../adapters/wordpiece/characters.ts
"""

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

OFF = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def normalizer(**on):
    return BertNormalizer(**{**OFF, **on}).normalize_str


def base36(number):
    sign, number = ("-", -number) if number < 0 else ("", number)
    digits = DIGITS[number % 36]
    while number >= 36:
        number //= 36
        digits = DIGITS[number % 36] + digits
    return sign + digits


def packed(numbers):
    """Runs of code points: distance from the end of the run before, then the length if it is not 1."""
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number:
            runs[-1][1] = number + 1
        else:
            runs.append([number, number + 1])
    words, at = [], 0
    for start, end in runs:
        words.append(base36(start - at) + ("" if end - start == 1 else ":" + base36(end - start)))
        at = end
    return words


def packed_shifts(shifts):
    """Runs `start:count:step:shift` of code points, `step` apart, that all change by `shift`."""
    runs = []
    for start, shift in sorted(shifts.items()):
        for run in reversed(runs[-2:]):
            gap = start - (run[0] + (run[1] - 1) * run[2])
            if run[3] == shift and (gap == run[2] or (run[1] == 1 and gap in (1, 2))):
                run[1], run[2] = run[1] + 1, gap
                break
        else:
            runs.append([start, 1, 1, shift])
    return [":".join(base36(part) for part in run) for run in runs]


def constant(name, comment, words):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line)
            line = ""
        line += word + " "
    lines.append(line.rstrip())
    body = "\n".join(f"  '{line}'," for line in lines)
    return f"/** {comment} */\nexport const {name} = [\n{body}\n].join('')\n"


clean, strip = normalizer(clean_text=True), normalizer(strip_accents=True)
lower, cjk = normalizer(lowercase=True), normalizer(handle_chinese_chars=True)
split = BertPreTokenizer().pre_tokenize_str

dropped, spaces, marks, ideographs, punctuation, decomposed, shifts = set(), set(), set(), set(), set(), set(), {}
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    character = chr(code)
    between = f"a{character}b"
    if clean(between) == "ab":
        dropped.add(code)
        continue
    if clean(between) == "a b":
        spaces.add(code)
        continue
    if strip(between) == "ab":
        marks.add(code)
    elif strip(between) != between and not 0xAC00 <= code < 0xD7A4:
        decomposed.add(code)
    if cjk(character) != character:
        ideographs.add(code)
    if len(split(between)) == 3:
        punctuation.add(code)
    if lower(character) != character and code != 0x130:
        assert len(lower(character)) == 1
        shifts[code] = ord(lower(character)) - code

print(
    "/** Made by tools/wordpiece-fixture/characters.py: what Hugging Face's BERT normaliser does with each code point. */\n"
)
print(constant("DROPPED", "Control and format characters, private use, U+FFFD.", packed(dropped)))
print(constant("SPACES", "What separates words.", packed(spaces)))
print(constant("IDEOGRAPHS", "Each a word by itself.", packed(ideographs)))
print(constant("PUNCTUATION", "Each a word by itself.", packed(punctuation)))
print(constant("MARKS", "Category Mn, and what decomposes into nothing else.", packed(marks)))
print(constant("DECOMPOSED", "What NFD without marks changes, Hangul syllables aside.", packed(decomposed)))
print(constant("LOWERCASE", "`start:count:step:shift`; U+0130 aside.", packed_shifts(shifts)), end="")
