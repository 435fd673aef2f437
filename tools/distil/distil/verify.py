"""Whether an artefact reads back, keeps its bounds, and equals the float table to within the quantisation error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from .table import ALIGNMENT, BYTES_MAX, Table, read_table

COSINE_MIN = 0.9995
SAMPLES = (
    "In what year did the earthquake in Sichuan occur?",
    "0-dimensional biomaterials show inductive properties.",
    "def read_table(path): return path.read_bytes()",
    "Żółć naïve façade: 50 µg/ml of β-carotene (p < 0.05)",
)


def verify(path: Path, float_rows: Path | None) -> str:
    """Says what was checked. Raises where something does not hold."""
    data = path.read_bytes()
    table, header = read_table(path)
    require(len(data) <= BYTES_MAX, f"{len(data)} bytes are more than {BYTES_MAX}")
    require(all(b["offset"] % ALIGNMENT == 0 for b in header["blocks"].values()), "a block is not aligned")
    require(len(set(table.vocabulary)) == len(table.vocabulary), "a token stands twice in the vocabulary")
    require(not any("\n" in t or t == "" for t in table.vocabulary), "a token is empty or has a line break")
    require(bool(np.isfinite(table.rows).all()), "a row is not finite")
    vectors = table.encode(SAMPLES)
    require(bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)), "a text's vector is not of unit length")
    said = [f"{path.name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"]
    if float_rows is not None:
        said.append(f"least cosine to the float table: {agreement(table, np.load(float_rows)):.6f}")
    return "\n".join(said)


def agreement(table: Table, rows: np.ndarray) -> float:
    """The least cosine over the sample texts and over all rows' errors; raises below COSINE_MIN."""
    require(rows.shape == table.rows.shape, f"the float table is {rows.shape}, the file {table.rows.shape}")
    steps = np.abs(rows).max(axis=1, keepdims=True) / 127
    worst = float((np.abs(rows - table.rows) / np.maximum(steps, 1e-12)).max())
    require(worst <= 0.501, f"a value is {worst:.3f} quantisation steps off")
    exact = Table(table.vocabulary, rows)
    least = float((exact.encode(SAMPLES) * table.encode(SAMPLES)).sum(axis=1).min())
    require(least >= COSINE_MIN, f"a text's vector has a cosine of {least:.6f} to the float table's")
    return least


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
