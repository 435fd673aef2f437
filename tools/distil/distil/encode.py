"""Embeds the training texts with the teacher, shard by shard: an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import numpy as np

from .teacher import Teacher
from .texts import SEED, Corpus

SHARD = 4096


def encode_texts(teacher: Teacher, corpus: Corpus, cache: Path, shards: int) -> None:
    """Writes shard-<n>.npz (vectors float16, token ids, offsets, group) and texts.json (the names of the groups)."""
    cache.mkdir(parents=True, exist_ok=True)
    groups = sorted(corpus.texts)
    texts = [(text, n) for n, group in enumerate(groups) for text in corpus.texts[group]]
    random.Random(SEED).shuffle(texts)
    (cache / "texts.json").write_text(json.dumps({"groups": groups, "texts": len(texts)}))
    started = time.monotonic()
    for start in range(0, min(len(texts), shards * SHARD), SHARD):
        path = cache / f"shard-{start // SHARD:04}.npz"
        if path.exists():
            continue
        part = texts[start : start + SHARD]
        ids = [e.ids for e in teacher.tokenizer.encode_batch_fast([t for t, _ in part])]
        temporary = path.with_suffix(".part.npz")
        np.savez(
            temporary,
            vectors=teacher.encode_ids(ids).astype(np.float16),
            ids=np.concatenate([np.array(row[1:-1], np.int32) for row in ids]),
            lengths=np.array([len(row) - 2 for row in ids], np.int32),
            groups=np.array([n for _, n in part], np.int8),
        )
        temporary.rename(path)
        print(f"{start + len(part)}/{len(texts)} texts, {time.monotonic() - started:.0f} s", flush=True)
