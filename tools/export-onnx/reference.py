"""The same encoder as plain numpy, written from the paper and not from the graph, to check the graph against."""

from __future__ import annotations

import math

import numpy as np

ERF = np.vectorize(math.erf, otypes=[np.float64])


def encode(
    weights: dict[str, np.ndarray],
    config: dict,
    ids: list[int],
    types: list[int],
    seen: np.ndarray | None = None,
) -> np.ndarray:
    """One text in float64: the vectors of its tokens. `seen` says which tokens the others look at; all, when absent."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    epsilon = config["layer_norm_eps"]
    x = (
        w["embeddings.word_embeddings.weight"][ids]
        + w["embeddings.position_embeddings.weight"][: len(ids)]
        + w["embeddings.token_type_embeddings.weight"][types]
    )
    x = normalise(x, w, "embeddings.LayerNorm", epsilon)
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        mixed = attend(x, w, f"{at}.attention.self", config["num_attention_heads"], seen)
        x = normalise(x + linear(mixed, w, f"{at}.attention.output.dense"), w, f"{at}.attention.output.LayerNorm", epsilon)
        wide = linear(x, w, f"{at}.intermediate.dense")
        wide = wide * 0.5 * (1 + ERF(wide / math.sqrt(2)))
        x = normalise(x + linear(wide, w, f"{at}.output.dense"), w, f"{at}.output.LayerNorm", epsilon)
    return x


def linear(x: np.ndarray, w: dict[str, np.ndarray], module: str) -> np.ndarray:
    return x @ w[f"{module}.weight"].T + w[f"{module}.bias"]


def normalise(x: np.ndarray, w: dict[str, np.ndarray], module: str, epsilon: float) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)
    return centred / spread * w[f"{module}.weight"] + w[f"{module}.bias"]


def attend(x: np.ndarray, w: dict[str, np.ndarray], module: str, heads: int, seen: np.ndarray | None) -> np.ndarray:
    query, key, value = (linear(x, w, f"{module}.{part}") for part in ("query", "key", "value"))
    size = x.shape[1] // heads
    mixed = np.empty_like(x)
    for head in range(heads):
        at = slice(head * size, (head + 1) * size)
        scores = query[:, at] @ key[:, at].T / math.sqrt(size)
        if seen is not None:
            scores = np.where(seen, scores, -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        mixed[:, at] = shares / shares.sum(axis=1, keepdims=True) @ value[:, at]
    return mixed


def mean_vector(hidden: np.ndarray) -> np.ndarray:
    """Mean pooling, scaled to length 1."""
    mean = hidden.mean(axis=0)
    return mean / np.linalg.norm(mean)
