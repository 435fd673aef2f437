"""Training texts and pairs; nothing of an evaluation set gets in here.

SQuAD's articles and MedQuAD's topics are dealt out by a hash of their title: what is held out, for validation and for
the final report, shares no article and no topic with what is trained on.
"""

from __future__ import annotations

import ast
import csv
import json
import random
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

ENGLISH = re.compile(r"\b(?:the|of|to|and|is|in|that|for|with|this|are|be|as|by|it)\b")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"(])")
SEED = 20261121
Item = TypeVar("Item")

# How many of a kind the teacher embeds (pairs need no teacher), and how many pairs are cut from a document.
QUESTIONS = 30_000
SENTENCES = 30_000
DEBIAN_PASSAGES = 40_000
DEBIAN_TEXTS = 16_000
FUNCTIONS = 14_000
CODE_TEXTS = 8_000
CLOZE = {"squad": 2, "medquad": 4}


@dataclass(frozen=True)
class Document:
    id: str
    title: str
    text: str

    @property
    def full(self) -> str:
        return f"{self.title} {self.text}".strip()


@dataclass
class Dataset:
    """A folder in BEIR's layout."""

    documents: dict[str, Document]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


def read_dataset(folder: Path, split: str = "test") -> Dataset:
    documents = {d["_id"]: Document(d["_id"], d.get("title") or "", d["text"]) for d in jsonl(folder / "corpus.jsonl")}
    queries_file = folder / ("queries.jsonl" if split == "test" else f"queries.{split}.jsonl")
    queries = {q["_id"]: q["text"] for q in jsonl(queries_file)}
    qrels: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return Dataset(documents, {q: queries[q] for q in qrels}, qrels)


def jsonl(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def part(title: str) -> str:
    """Which part a title belongs to: train (70 %), validation (10 %) or test (20 %), by hash."""
    bucket = zlib.crc32(title.strip().lower().encode()) % 10
    return "test" if bucket < 2 else "validation" if bucket == 2 else "train"


def squad_part(title: str) -> str:
    """SQuAD's test articles are another set (squad-dev), so that only validation is held out here."""
    return "validation" if part(title) == "validation" else "train"


def part_of(dataset: Dataset, name: str) -> Dataset:
    """The queries whose documents belong to a part; the corpus stays whole."""
    chosen = {
        query: judged
        for query, judged in dataset.qrels.items()
        if all(part(dataset.documents[d].title) == name for d in judged)
    }
    return Dataset(dataset.documents, {q: dataset.queries[q] for q in chosen}, chosen)


@dataclass
class Corpus:
    """Texts for the teacher, by group; and pairs (query, document) for contrast, by group."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def sentences(text: str) -> list[str]:
    return [s for s in (s.strip() for s in SENTENCE.split(text)) if 25 <= len(s) <= 400]


def headed(documents: list[Document], rng: random.Random, count: int) -> list[tuple[str, str]]:
    """(first sentence, the rest) of documents that are long enough."""
    out = []
    for d in documents:
        split = SENTENCE.split(d.text, maxsplit=1)
        if len(split) == 2 and 25 <= len(split[0]) <= 300 and len(split[1]) >= 150:
            out.append((split[0], split[1]))
    return sample(out, count, rng)


def sample(items: list[Item], count: int, rng: random.Random) -> list[Item]:
    return rng.sample(items, min(count, len(items)))


def cloze(documents: list[Document], count: int, rng: random.Random) -> list[tuple[str, str]]:
    """(a sentence, the document without it), up to `count` of a document, with its title half of the time."""
    out = []
    for d in documents:
        split = sentences(d.text)
        if len(split) < 3:
            continue
        for chosen in rng.sample(range(len(split)), min(count, len(split) // 2)):
            rest = " ".join(s for n, s in enumerate(split) if n != chosen)
            out.append((split[chosen], f"{d.title} {rest}" if rng.random() < 0.5 else rest))
    return out


def judged_pairs(dataset: Dataset, kept: set[str]) -> list[tuple[str, str]]:
    return [
        (dataset.queries[q], dataset.documents[d].full)
        for q, judged in dataset.qrels.items()
        for d in judged
        if d in kept
    ]


def add_faq(corpus: Corpus, name: str, dataset: Dataset, kept: list[Document], rng: random.Random) -> None:
    pairs = judged_pairs(dataset, {d.id for d in kept})
    split = [s for d in kept for s in sentences(d.text)]
    corpus.texts[f"{name}-questions"] = sample(sorted({q for q, _ in pairs}), QUESTIONS, rng)
    corpus.texts[f"{name}-passages"] = sorted({d.full for d in kept})
    corpus.texts[f"{name}-sentences"] = sample(split, SENTENCES, rng)
    corpus.pairs[name] = pairs
    corpus.pairs[f"{name}-headed"] = headed(kept, rng, 20_000)
    corpus.pairs[f"{name}-cloze"] = cloze(kept, CLOZE[name], random.Random(SEED))


def debian_passages(path: Path, rng: random.Random) -> list[tuple[str, str]]:
    """English prose of a file with one passage a line, each cut into two neighbouring halves."""
    chosen: list[tuple[str, str]] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line for n, line in enumerate(file) if n % 4 == 0]
    rng.shuffle(lines)
    for line in lines:
        words = line.split()
        plain = sum(w.isalpha() for w in words) / max(1, len(words))
        if len(words) < 60 or plain < 0.65 or len(ENGLISH.findall(line)) / len(words) < 0.16:
            continue
        chosen.append((" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])))
        if len(chosen) == DEBIAN_PASSAGES // 2:
            break
    return chosen


def python_folders() -> list[Path]:
    """The standard library, and the pinned packages of requirements.txt that document their functions."""
    library = Path(ast.__file__).parent
    packages = [Path(p) / n for p in sys.path if p.endswith("site-packages") for n in ("numpy", "scipy", "onnx")]
    return [library, *[p for p in packages if p.is_dir()]]


def functions(rng: random.Random) -> list[tuple[str, str]]:
    """(first sentence of the documentation, the function without it) of installed Python code."""
    found: dict[str, str] = {}
    for folder in python_folders():
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(folder).parts
            if {"site-packages", "tests", "test", "idlelib", "lib2to3"} & set(relative):
                continue
            found.update(documented(path.read_text(encoding="utf-8", errors="replace")))
    pairs = [(summary, body) for summary, body in found.items() if 15 <= len(summary) <= 200]
    return sample(pairs, FUNCTIONS, rng)


def documented(source: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    lines = source.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        text = (ast.get_docstring(node) or "").strip()
        if text:
            summary = " ".join(text.split("\n\n")[0].split())
            code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            yield summary, code.replace(text.splitlines()[0], "", 1)[:1500]


def training_corpus(data: Path, passages: Path | None) -> Corpus:
    """Everything that is trained on. `data` holds squad-train and medquad-faq; `passages` is Debian's documentation."""
    rng = random.Random(SEED)
    corpus = Corpus()
    squad = read_dataset(data / "squad-train")
    kept = [d for d in squad.documents.values() if squad_part(d.title) == "train"]
    add_faq(corpus, "squad", squad, kept, rng)
    medquad = read_dataset(data / "medquad-faq")
    kept = [d for d in medquad.documents.values() if part(d.title) == "train"]
    add_faq(corpus, "medquad", medquad, kept, rng)
    code = functions(rng)
    corpus.pairs["code"] = code
    corpus.texts["code"] = sample([t for pair in code for t in pair], CODE_TEXTS, rng)
    if passages is not None:
        halves = debian_passages(passages, rng)
        corpus.pairs["debian"] = halves
        corpus.texts["debian"] = sample([t for pair in halves for t in pair], DEBIAN_TEXTS, rng)
    return corpus
