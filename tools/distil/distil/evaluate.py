"""Quality on sets in BEIR's layout: the dense leg, BM25, and both fused."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from .table import Floats, Table
from .texts import SEED, Dataset, Document, part, part_of, read_dataset, sentences, squad_part

DEPTH = 100
RRF_K = 60
VALIDATION_QUESTIONS = 1500
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5)
SETS = ("scifact", "xquad-en", "squad-dev", "anthropic-codebase", "cosqa", "medquad-faq")
OTHER_LANGUAGES = ("xquad-de", "xquad-ar", "xquad-hi", "xquad-th", "xquad-zh")


@dataclass
class Run:
    """The first DEPTH documents of each query, best first, with their scores."""

    documents: NDArray[np.int64]
    scores: Floats


@dataclass
class Judged:
    """A set with its documents and queries in fixed order."""

    name: str
    ids: list[str]
    texts: list[str]
    queries: list[str]
    judged: list[dict[str, int]]


def judged_set(name: str, dataset: Dataset) -> Judged:
    ids = list(dataset.documents)
    texts = [dataset.documents[i].full for i in ids]
    keys = list(dataset.queries)
    return Judged(name, ids, texts, [dataset.queries[k] for k in keys], [dataset.qrels[k] for k in keys])


def evaluation_set(data: Path, name: str) -> Judged:
    """A set for the report; of MedQuAD only the queries whose topics were held out of training."""
    dataset = read_dataset(data / name)
    return judged_set(name, part_of(dataset, "test") if name == "medquad-faq" else dataset)


def validation_sets(data: Path) -> list[Judged]:
    """Sets for decisions: held-out articles of SQuAD, held-out topics of MedQuAD (twice), CoSQA's dev part."""
    rng = random.Random(SEED)
    squad = read_dataset(data / "squad-train")
    apart = {d.id for d in squad.documents.values() if squad_part(d.title) == "validation"}
    held = rng.sample([q for q, judged in squad.qrels.items() if judged.keys() <= apart], VALIDATION_QUESTIONS)
    questions = Dataset(squad.documents, {q: squad.queries[q] for q in held}, {q: squad.qrels[q] for q in held})
    medquad = part_of(read_dataset(data / "medquad-faq"), "validation")
    return [
        judged_set("squad-validation", questions),
        judged_set("medquad-validation", medquad),
        judged_set("medquad-sentences", sentence_set(medquad, rng)),
        judged_set("cosqa-dev", read_dataset(data / "cosqa", "dev")),
    ]


def sentence_set(dataset: Dataset, rng: random.Random) -> Dataset:
    """A sentence of a document asks for the document without it, among all documents; no titles."""
    documents, queries = {}, {}
    for d in dataset.documents.values():
        split = sentences(d.text) if part(d.title) == "validation" else []
        text = d.text
        if len(split) >= 4:
            queries[d.id] = split.pop(rng.randrange(len(split)))
            text = " ".join(split)
        documents[d.id] = Document(d.id, "", text)
    return Dataset(documents, queries, {q: {q: 1} for q in queries})


def top(scores: Floats, depth: int = DEPTH) -> Run:
    depth = min(depth, scores.shape[1])
    chosen = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, chosen, 1), axis=1, kind="stable")
    documents = np.take_along_axis(chosen, order, 1)
    return Run(documents, np.take_along_axis(scores, documents, 1))


def search_dense(documents: Floats, queries: Floats, depth: int = DEPTH) -> Run:
    runs = [top(queries[at : at + 500] @ documents.T, depth) for at in range(0, len(queries), 500)]
    return Run(np.concatenate([r.documents for r in runs]), np.concatenate([r.scores for r in runs]))


def dense(table: Table, judged: Judged) -> Run:
    return search_dense(table.encode(judged.texts), table.encode(judged.queries))


def bm25(judged: Judged) -> Run:
    """k1 0.9 and b 0.4, English stop words and Snowball stems."""
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    index.index(bm25s.tokenize(judged.texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    queries = bm25s.tokenize(judged.queries, stopwords="en", stemmer=stemmer, show_progress=False)
    found, scores = index.retrieve(queries, k=min(DEPTH, len(judged.ids)), show_progress=False)
    return Run(found.astype(np.int64), scores)


def ndcg(run: Run, judged: Judged, k: int = 10) -> float:
    """Mean nDCG@k with linear gain, as trec_eval's ndcg_cut."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    total = 0.0
    for found, relevant in zip(run.documents, judged.judged, strict=True):
        gains = np.array([relevant.get(judged.ids[d], 0) for d in found[:k]], float)
        best = np.array(sorted(relevant.values(), reverse=True)[:k], float)
        total += float(gains @ discounts[: len(gains)]) / max(float(best @ discounts[: len(best)]), 1e-12)
    return total / len(judged.judged)


def recall(run: Run, judged: Judged, k: int = DEPTH) -> float:
    total = 0.0
    for found, relevant in zip(run.documents, judged.judged, strict=True):
        wanted = {d for d, grade in relevant.items() if grade > 0}
        total += len(wanted & {judged.ids[d] for d in found[:k]}) / max(1, len(wanted))
    return total / len(judged.judged)


def fuse(lexical: Run, other: Run, weight: float, size: int, method: str) -> Run:
    """Weighted reciprocal ranks ("rrf") or min-max normalised scores ("convex"); `weight` is the dense leg's share."""
    out = np.zeros((len(lexical.documents), size), np.float32)
    for run, share in ((lexical, 1 - weight), (other, weight)):
        if method == "rrf":
            values = np.broadcast_to(1 / (RRF_K + 1 + np.arange(run.documents.shape[1])), run.documents.shape)
        else:
            above = run.scores - np.min(run.scores, axis=1, keepdims=True)
            values = above / np.maximum(np.ptp(run.scores, axis=1, keepdims=True), 1e-9)
        rows = np.arange(len(out))[:, None]
        out[rows, run.documents] += share * values
    return top(out)


def report(table: Table, data: Path, names: Sequence[str]) -> str:
    """A Markdown table: nDCG@10 of the dense leg, BM25, and both fused at each of WEIGHTS (the dense leg's share)."""
    fused = [f"{method} {w}" for method in ("rrf", "convex") for w in WEIGHTS]
    lines = [f"| set | dense | recall@100 | BM25 | {' | '.join(fused)} |", "|---" * (4 + len(fused)) + "|"]
    for name in names:
        judged = evaluation_set(data, name)
        ours, lexical = dense(table, judged), bm25(judged)
        cells = [ndcg(ours, judged), recall(ours, judged), ndcg(lexical, judged)]
        for method in ("rrf", "convex"):
            cells += [ndcg(fuse(lexical, ours, w, len(judged.ids), method), judged) for w in WEIGHTS]
        lines.append(f"| {name} | {' | '.join(f'{c:.4f}' for c in cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)
