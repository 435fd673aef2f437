"""The steps from the teacher to the table, each of which can be left out to see what it is worth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from tokenizers import Tokenizer

from .evaluate import Judged, ndcg, search_dense
from .initial import initial_rows, principal_axes
from .table import Floats, Table, bags, bags_of, token_ids, unit
from .texts import SEED, Corpus
from .train import Adam, Contrast, Distillation, Objective, Pairs, rates

STEPS = ("distillation", "whitening", "contrast")

DIMENSIONS = 320
DOCUMENT_TOKENS = 256
BATCH = 1024
DISTILLATION_STEPS, DISTILLATION_RATE = 1000, 2e-3
WHITENING = 0.15
CONTRAST_STEPS, CONTRAST_RATE, CONTRAST_SCALE, CONTRAST_BATCH = 1000, 2e-3, 30.0, 512


@dataclass
class Encoded:
    """The teacher's vectors of texts, and the texts as counts of known tokens."""

    bags: sparse.csr_array
    vectors: Floats


def read_shards(cache: Path, original: dict[str, int], vocabulary: list[str], limit: int) -> Encoded:
    """The first `limit` shards, their tokens renumbered from the teacher's vocabulary to ours."""
    ours = np.full(len(original), -1, np.int32)
    for n, token in enumerate(vocabulary):
        ours[original[token]] = n
    ids, vectors = [], []
    for path in sorted(cache.glob("shard-????.npz"))[:limit]:
        shard = np.load(path)
        rows = np.split(ours[shard["ids"]], np.cumsum(shard["lengths"])[:-1])
        ids += [row[row >= 0] for row in rows]
        vectors.append(shard["vectors"])
    if not vectors:
        raise FileNotFoundError(f"{cache} has no encoded texts: run `python -m distil encode` first")
    return Encoded(bags_of(ids, len(vocabulary)), np.concatenate(vectors).astype(np.float32))


def tokenised_pairs(corpus: Corpus, tokenizer: Tokenizer, columns: int) -> dict[str, Pairs]:
    out = {}
    for group, pairs in corpus.pairs.items():
        queries = {q: n for n, q in enumerate(dict.fromkeys(q for q, _ in pairs))}
        documents = {d: n for n, d in enumerate(dict.fromkeys(d for _, d in pairs))}
        out[group] = Pairs(
            np.array([queries[q] for q, _ in pairs]),
            np.array([documents[d] for _, d in pairs]),
            bags_of(token_ids(tokenizer, list(queries), DOCUMENT_TOKENS), columns),
            bags_of(token_ids(tokenizer, list(documents), DOCUMENT_TOKENS), columns),
        )
    return out


def whiten(rows: Floats, texts: sparse.csr_array, power: float) -> Floats:
    """Divides each principal direction of the texts' vectors by its variance to a power; the rows' norm stays."""
    vectors = unit(texts @ rows)
    values, axes = np.linalg.eigh((vectors.T @ vectors / len(vectors)).astype(np.float64))
    out = rows @ (axes * values**-power).astype(np.float32)
    return out * (np.linalg.norm(rows) / np.linalg.norm(out))


def optimise(adam: Adam, objective: Objective, steps: int, peak: float) -> None:
    losses = []
    for n, rate in enumerate(rates(steps, peak)):
        losses.append(objective.step(adam, rate))
        if (n + 1) % 100 == 0:
            print(f"  step {n + 1}/{steps}: loss {np.mean(losses[-100:]):.4f}", flush=True)


def validator(sets: list[Judged], tokenizer: Tokenizer, columns: int) -> Callable[[str, Floats], None]:
    """Prints nDCG@10 on the validation sets under a step's name."""
    prepared = [(s, bags(tokenizer, s.texts, columns), bags(tokenizer, s.queries, columns)) for s in sets]
    started = time.monotonic()

    def validate(step: str, rows: Floats) -> None:
        scores = [f"{s.name} {ndcg(search_dense(unit(d @ rows), unit(q @ rows), 10), s):.4f}" for s, d, q in prepared]
        print(f"{step} ({time.monotonic() - started:.0f} s): {', '.join(scores)}", flush=True)

    return validate


def train(
    vocabulary: list[str],
    tokens: Floats,
    encoded: Encoded,
    pairs: dict[str, Pairs],
    validate: Callable[[str, Floats], None],
    without: set[str],
) -> Table:
    """`tokens` are the teacher's vectors of the vocabulary's tokens."""
    rng = np.random.default_rng(SEED)
    axes = principal_axes(encoded.vectors, DIMENSIONS)
    rows = initial_rows(tokens, axes)
    validate("initial", rows)
    if "distillation" not in without:
        closeness = Distillation(encoded.bags, unit(encoded.vectors @ axes), BATCH, rng)
        optimise(Adam(rows), closeness, DISTILLATION_STEPS, DISTILLATION_RATE)
        validate("distillation", rows)
    if "whitening" not in without:
        rows = whiten(rows, encoded.bags[:8192], WHITENING)
        validate("whitening", rows)
    if "contrast" not in without:
        shares = {name: len(group.query) ** 0.5 for name, group in pairs.items()}
        ranking = Contrast(pairs, shares, CONTRAST_BATCH, CONTRAST_SCALE, rng)
        optimise(Adam(rows), ranking, CONTRAST_STEPS, CONTRAST_RATE)
        validate("contrast", rows)
    return Table(vocabulary, rows)
