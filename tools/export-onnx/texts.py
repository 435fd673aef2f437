"""Texts of many lengths, scripts and oddities."""

BASE = [
    "a",
    "Hello, world!",
    "What is the capital of France?",
    "Paris is the capital and most populous city of France.",
    "The quick brown fox jumps over the lazy dog.",
    "Ünïcödé äccents and ŁÓDŹ, naïve façade, Ångström",
    "東京は日本の首都です。",
    "Москва — столица России",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "한국어 문장입니다",
    "emoji 😀 and symbols ™ © ½ ﬁ",
    "snake_case and camelCase and kebab-case; x = y[0]->z();",
    "3.14159 1,000,000 2026-11-21T10:15:52Z",
    "http://example.com/a/b?c=d&e=f#g",
    "   leading and trailing   \t\n",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 150,
    "!!! ??? ...",
    "0-dimensional biomaterials show inductive properties.",
]

WORDS = (
    "retrieval tier production stack documents passages latency budget tenant collection index alias shard segment "
    "migration backfill cutover rollback fusion candidate deadline degraded score relevance neuron protein enzyme "
    "river mountain violin harbour election treaty solvent orbit glacier syntax compiler ledger invoice warranty"
).split()


def _running(count: int, seed: int) -> str:
    """Words in an order that a small generator fixes, with some punctuation."""
    words = []
    for i in range(count):
        seed = (seed * 1103515245 + 12345) % 2**31
        words.append(WORDS[seed % len(WORDS)] + ("." if i % 11 == 10 else "," if i % 7 == 6 else ""))
    return " ".join(words)


LENGTHS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 90, 100, 110]
LENGTHS += [120, 130, 140, 150, 160, 170, 180, 190, 200, 220, 240, 300, 400]

TEXTS = BASE + [_running(length, seed + 1) for seed, length in enumerate(LENGTHS)]
