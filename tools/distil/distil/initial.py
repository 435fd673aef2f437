"""The table before training: every token through the teacher, PCA, weights by Zipf's law (Model2Vec's recipe)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from .table import Floats
from .teacher import Teacher

UNUSED = re.compile(r"\[(?:unused\d+|PAD|UNK|CLS|SEP|MASK)\]")
SIF = 1e-4
"""Smooth inverse frequency's parameter a (Arora et al. 2017)."""


def kept_tokens(vocabulary: dict[str, int]) -> list[str]:
    """Tokens in the order of the teacher's vocabulary, which is that of their frequency."""
    ordered = sorted(vocabulary, key=lambda token: vocabulary[token])
    return [t for t in ordered if not UNUSED.fullmatch(t)]


def token_vectors(teacher: Teacher, tokens: list[str], cache: Path | None = None) -> Floats:
    """The teacher's unit vector of each token alone, between [CLS] and [SEP]."""
    if cache is not None and cache.exists():
        return np.load(cache)
    ids = teacher.tokenizer.get_vocab()
    first, last = ids["[CLS]"], ids["[SEP]"]
    out = teacher.encode_ids([[first, ids[token], last] for token in tokens])
    if cache is not None:
        np.save(cache, out)
    return out


def principal_axes(vectors: Floats, dimensions: int) -> Floats:
    """The directions that carry most of the vectors' energy, about the origin: the table has no place for a shift."""
    _, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return axes[:, ::-1][:, :dimensions].astype(np.float32)


def zipf_weights(count: int) -> Floats:
    """a / (a + p), with the probability p of the token of rank r taken as 1/(r+2), normalised."""
    p = 1 / (np.arange(count) + 2)
    p /= p.sum()
    return (SIF / (SIF + p)).astype(np.float32)


def initial_rows(tokens: Floats, axes: Floats) -> Floats:
    """The teacher's vectors of the tokens, in order of frequency, along `axes` and weighted."""
    return (tokens @ axes) * zipf_weights(len(tokens))[:, None]
