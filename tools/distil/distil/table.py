"""The static model's file (version 1) and its float counterpart: rows of a table, summed and normalised."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

Floats = NDArray[np.floating]

MAGIC = b"QSTM"
VERSION = 1
ALIGNMENT = 64
UNKNOWN = "[UNK]"
MAX_CHARS_PER_WORD = 100
BYTES_MAX = 10_000_000


@dataclass
class Table:
    """A token's row stands at its place in the vocabulary; its weight is the row's length."""

    vocabulary: list[str]
    rows: Floats

    @property
    def dimensions(self) -> int:
        return self.rows.shape[1]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32[texts, dimensions]; a text without known tokens gives zeros."""
        return unit(bags(tokenizer_of(self.vocabulary), texts, len(self.vocabulary)) @ self.rows)


def unit(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def tokenizer_of(vocabulary: Sequence[str]) -> Tokenizer:
    """BERT's uncased WordPiece over a vocabulary; what is not in it becomes UNKNOWN, whose id is past the last row."""
    ids = {token: n for n, token in enumerate(vocabulary)}
    ids[UNKNOWN] = len(vocabulary)
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=MAX_CHARS_PER_WORD))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], limit: int | None = None) -> list[NDArray[np.int32]]:
    """Known tokens of each text, in order; with a limit, the first ones only."""
    unknown = tokenizer.get_vocab_size() - 1
    rows = (np.array(e.ids[:limit], np.int32) for e in tokenizer.encode_batch_fast(list(texts)))
    return [row[row != unknown] for row in rows]


def bags(tokenizer: Tokenizer, texts: Sequence[str], columns: int) -> sparse.csr_array:
    """Token counts, [texts, columns]."""
    return bags_of(token_ids(tokenizer, texts), columns)


def bags_of(ids: Sequence[NDArray[np.int32]], columns: int) -> sparse.csr_array:
    starts = np.cumsum([0, *(len(row) for row in ids)])
    flat = np.concatenate(ids) if ids else np.empty(0, np.int32)
    counts = np.ones(len(flat), np.float32)
    out = sparse.csr_array((counts, flat, starts), shape=(len(ids), columns))
    out.sum_duplicates()
    return out


def quantise(rows: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """(scale of each row, int8 rows): the largest value of a row becomes 127."""
    scales = (np.abs(rows).max(axis=1) / 127).astype(np.float32)
    safe = np.where(scales > 0, scales, 1)[:, None]
    return scales, np.clip(np.rint(rows / safe), -127, 127).astype(np.int8)


def write_table(path: Path, table: Table, about: dict[str, str]) -> int:
    """`about` is name, revision, source, licence and procedure. Returns the file's size in bytes."""
    scales, rows = quantise(table.rows)
    blocks = {
        "vocabulary": "\n".join(table.vocabulary).encode(),
        "scales": scales.astype("<f4").tobytes(),
        "rows": rows.tobytes(),
    }
    header = {
        **about,
        "dimensions": table.dimensions,
        "vocabulary_size": len(table.vocabulary),
        "lowercase": True,
        "strip_accents": True,
        "unknown_token": UNKNOWN,
        "max_chars_per_word": MAX_CHARS_PER_WORD,
    }
    data = layout(header, blocks)
    if len(data) > BYTES_MAX:
        raise ValueError(f"the table takes {len(data)} bytes, more than the {BYTES_MAX} allowed: fewer dimensions fit")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return len(data)


def layout(header: dict[str, object], blocks: dict[str, bytes]) -> bytes:
    """The header's length depends on the offsets in it, and they on its length: the length is reserved first."""
    reserved = len(json.dumps(header)) + 120 * len(blocks)
    offset = align(12 + reserved)
    length = offset - 12
    places: dict[str, dict[str, int]] = {}
    for name, data in blocks.items():
        places[name] = {"offset": offset, "bytes": len(data), "crc32": zlib.crc32(data)}
        offset = align(offset + len(data))
    text = json.dumps({**header, "blocks": places}, ensure_ascii=True).encode().ljust(length)
    out = bytearray(MAGIC + struct.pack("<II", VERSION, length) + text)
    for name, data in blocks.items():
        out.extend(bytes(places[name]["offset"] - len(out)))
        out.extend(data)
    return bytes(out)


def align(n: int) -> int:
    return -(-n // ALIGNMENT) * ALIGNMENT


def read_table(path: Path) -> tuple[Table, dict]:
    """The table as its reader sees it (rows already scaled), and the header."""
    data = path.read_bytes()
    version, length = struct.unpack_from("<II", data, 4)
    if data[:4] != MAGIC or version != VERSION:
        raise ValueError(f"{path} is not a static model of version {VERSION}")
    header = json.loads(data[12 : 12 + length])
    vocabulary = block(data, header, "vocabulary").decode().split("\n")
    shape = (header["vocabulary_size"], header["dimensions"])
    scales = np.frombuffer(block(data, header, "scales"), "<f4")
    rows = np.frombuffer(block(data, header, "rows"), np.int8).reshape(shape)
    if len(vocabulary) != shape[0] or len(scales) != shape[0]:
        raise ValueError(f"{path}: {len(vocabulary)} tokens and {len(scales)} scales for {shape[0]} rows")
    return Table(vocabulary, rows.astype(np.float32) * scales[:, None]), header


def block(data: bytes, header: dict, name: str) -> bytes:
    place = header["blocks"][name]
    out = data[place["offset"] : place["offset"] + place["bytes"]]
    if zlib.crc32(out) != place["crc32"]:
        raise ValueError(f"block {name} is damaged: its checksum differs")
    return out
