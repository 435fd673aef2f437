"""Trains the table: on the teacher's vectors of texts (cosine) and on pairs with in-batch negatives (InfoNCE)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .table import Floats

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Adam over a table's rows; a step costs only the rows that it touches (as torch's SparseAdam)."""

    def __init__(self, rows: Floats) -> None:
        self.rows = rows
        self.first = np.zeros_like(rows)
        self.second = np.zeros_like(rows)
        self.steps = np.zeros((len(rows), 1), np.float32)

    def step(self, touched: NDArray[np.integer], gradient: Floats, rate: float) -> None:
        self.steps[touched] += 1
        n = self.steps[touched]
        first = BETA_1 * self.first[touched] + (1 - BETA_1) * gradient
        second = BETA_2 * self.second[touched] + (1 - BETA_2) * gradient**2
        self.first[touched], self.second[touched] = first, second
        rooted = np.sqrt(second / (1 - BETA_2**n)) + EPSILON
        self.rows[touched] -= rate * (first / (1 - BETA_1**n)) / rooted


@dataclass
class Pooled:
    """The unit vectors of a batch, and what their gradient needs."""

    bags: sparse.csr_array
    touched: NDArray[np.integer]
    lengths: Floats
    vectors: Floats


def pool(rows: Floats, bags: sparse.csr_array) -> Pooled:
    touched, columns = np.unique(bags.indices, return_inverse=True)
    narrow = sparse.csr_array((bags.data, columns, bags.indptr), shape=(bags.shape[0], len(touched)))
    sums = narrow @ rows[touched]
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    return Pooled(narrow, touched, lengths, sums / lengths)


def backward(pooled: Pooled, gradient: Floats) -> Floats:
    """From the gradient on the unit vectors to the one on the touched rows."""
    e = pooled.vectors
    inner = (gradient - (gradient * e).sum(axis=1, keepdims=True) * e) / pooled.lengths
    return pooled.bags.T @ inner


class Objective(Protocol):
    def step(self, adam: Adam, rate: float) -> float: ...


@dataclass
class Distillation:
    """1 - cosine to the teacher's vectors (already in the table's space)."""

    bags: sparse.csr_array
    targets: Floats
    batch: int
    rng: np.random.Generator

    def step(self, adam: Adam, rate: float) -> float:
        chosen = self.rng.integers(0, self.bags.shape[0], self.batch)
        pooled = pool(adam.rows, self.bags[chosen])
        target = self.targets[chosen].astype(np.float32)
        adam.step(pooled.touched, backward(pooled, -target / self.batch), rate)
        return float(1 - (pooled.vectors * target).sum(axis=1).mean())


@dataclass
class Pairs:
    """Pairs of one group: pair n is query[n] of `queries` and document[n] of `documents`."""

    query: NDArray[np.int64]
    document: NDArray[np.int64]
    queries: sparse.csr_array
    documents: sparse.csr_array


@dataclass
class Contrast:
    """InfoNCE in both directions; a batch is of one group, so that its negatives are of one domain."""

    groups: dict[str, Pairs]
    shares: dict[str, float]
    batch: int
    scale: float
    rng: np.random.Generator

    def step(self, adam: Adam, rate: float) -> float:
        names = list(self.groups)
        shares = np.array([self.shares[n] for n in names])
        group = self.groups[names[self.rng.choice(len(names), p=shares / shares.sum())]]
        chosen = self.rng.choice(len(group.query), min(self.batch, len(group.query)), replace=False)
        q, d = group.query[chosen], group.document[chosen]
        queries, documents = pool(adam.rows, group.queries[q]), pool(adam.rows, group.documents[d])
        logits = self.scale * queries.vectors @ documents.vectors.T
        same = (q[:, None] == q) | (d[:, None] == d)
        np.fill_diagonal(same, False)
        logits[same] = -1e4
        loss, gradient = cross_entropy(logits)
        gradient *= self.scale
        apply(
            adam,
            queries,
            backward(queries, gradient @ documents.vectors),
            documents,
            backward(documents, gradient.T @ queries.vectors),
            rate,
        )
        return loss


def cross_entropy(logits: Floats) -> tuple[float, Floats]:
    """Mean over both directions, the diagonal being right; and the gradient on the logits."""
    by_row = softmax(logits)
    by_column = softmax(logits.T).T
    right = np.diagonal(by_row) * np.diagonal(by_column)
    gradient = (by_row + by_column) / 2
    np.fill_diagonal(gradient, np.diagonal(gradient) - 1)
    return float(-np.log(np.maximum(right, 1e-30)).mean() / 2), gradient / len(logits)


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def apply(adam: Adam, a: Pooled, of_a: Floats, b: Pooled, of_b: Floats, rate: float) -> None:
    touched = np.union1d(a.touched, b.touched)
    gradient = np.zeros((len(touched), adam.rows.shape[1]), np.float32)
    gradient[np.searchsorted(touched, a.touched)] += of_a
    gradient[np.searchsorted(touched, b.touched)] += of_b
    adam.step(touched, gradient, rate)


def rates(steps: int, peak: float, warm_up: int = 20) -> Iterator[float]:
    """Linear up, then linear down to a tenth."""
    for n in range(steps):
        yield peak * min(1, (n + 1) / warm_up) * (1 - 0.9 * n / steps)
