"""What a right runtime answers: token ids by Hugging Face's tokenizer, vectors by the numpy encoder of reference.py."""

from __future__ import annotations

import string

import numpy as np
from tokenizers import Tokenizer

from reference import encode, linear, mean_vector


class Expected:
    """The weights with their tokenizer, as one oracle."""

    def __init__(self, weights: dict[str, np.ndarray], config: dict, tokenizer: Tokenizer):
        self.weights = weights
        self.config = config
        self.tokenizer = tokenizer
        tokenizer.no_padding()
        tokenizer.no_truncation()

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def token(self, name: str) -> int:
        return self.tokenizer.token_to_id(name)

    def hidden(self, ids: list[int], types: list[int] | None = None) -> np.ndarray:
        return encode(self.weights, self.config, ids, types or [0] * len(ids))

    def text_ids(self, text: str, tokens_max: int) -> list[int]:
        return [self.token("[CLS]"), *self.ids(text)[: tokens_max - 2], self.token("[SEP]")]

    def mean(self, text: str, tokens_max: int) -> list[float]:
        return rounded(mean_vector(self.hidden(self.text_ids(text, tokens_max))))

    def cls(self, text: str, tokens_max: int) -> list[float]:
        """The first vector as it is, not scaled."""
        return rounded(self.hidden(self.text_ids(text, tokens_max))[0])

    def logits(self, query: str, document: str, tokens_max: int, module: str) -> list[float]:
        """[CLS] query [SEP] document [SEP]; of the two, only the document is cut."""
        first = [self.token("[CLS]"), *self.ids(query), self.token("[SEP]")]
        second = [*self.ids(document)[: tokens_max - len(first) - 1], self.token("[SEP]")]
        types = [0] * len(first) + [1] * len(second)
        vector = self.hidden(first + second, types)[0]
        weights = {name: value.astype(np.float64) for name, value in self.weights.items()}
        return rounded(linear(vector, weights, module))

    def max_sim(self, query: str, document: str, query_length: int, document_length: int, module: str) -> float:
        """
        ColBERT's score, as a mean over the query's vectors. The query is filled up with [MASK], which looks at the
        others without being seen by them; the document's punctuation is not compared.
        """
        asked = [self.token("[CLS]"), self.token("[unused0]"), *self.ids(query)[: query_length - 3], self.token("[SEP]")]
        masks = query_length - len(asked)
        wanted = self._late(asked, masks, module)
        told = [self.token("[CLS]"), self.token("[unused1]"), *self.ids(document)[: document_length - 3], self.token("[SEP]")]
        skipped = {self.token(mark) for mark in string.punctuation}
        kept = [place for place, token in enumerate(told) if token not in skipped]
        known = self._late(told, 0, module)[kept]
        return round(float((wanted @ known.T).max(axis=1).mean()), 7)

    def _late(self, ids: list[int], masks: int, module: str) -> np.ndarray:
        hidden = self.hidden(ids)
        if masks > 0:
            hidden = np.concatenate([hidden, self._unseen(ids, masks)])
        weights = {name: value.astype(np.float64) for name, value in self.weights.items()}
        vectors = linear(hidden, weights, module)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _unseen(self, ids: list[int], masks: int) -> np.ndarray:
        """Vectors of [MASK]s that are masked out of attention, theirs included."""
        padded = ids + [self.token("[MASK]")] * masks
        seen = np.arange(len(padded)) < len(ids)
        return encode(self.weights, self.config, padded, [0] * len(padded), seen)[len(ids) :]


def rounded(vector: np.ndarray) -> list[float]:
    return [round(float(value), 7) for value in vector]
