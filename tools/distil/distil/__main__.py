"""`python -m distil <command>`: the table from the teacher, and what it is worth. See README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from .encode import encode_texts
from .evaluate import OTHER_LANGUAGES, SETS, report, validation_sets
from .initial import initial_rows, kept_tokens, principal_axes, token_vectors
from .pipeline import DIMENSIONS, STEPS, read_shards, tokenised_pairs, train, validator
from .table import Table, read_table, tokenizer_of, write_table
from .teacher import Teacher
from .texts import training_corpus
from .verify import verify

ARTEFACT = Path(__file__).resolve().parents[3] / "adapters" / "static-model" / "quarry-static-en.qstm"
ABOUT = {
    "name": "quarry-static-en",
    "source": "sentence-transformers/all-MiniLM-L6-v2",
    "licence": "Apache-2.0",
}
SMALL = "each token through the teacher, PCA, Zipf weights; int8 with a scale a row (tools/distil)"
FULL = (
    "each token through the teacher, PCA, Zipf weights; trained on the teacher's vectors of texts; whitened; "
    "trained on pairs with in-batch negatives; int8 with a scale a row (tools/distil)"
)


def small(options: argparse.Namespace) -> None:
    teacher = Teacher(options.model)
    tokens = kept_tokens(teacher.tokenizer.get_vocab())
    vectors = token_vectors(teacher, tokens)
    table = Table(tokens, initial_rows(vectors, principal_axes(vectors, DIMENSIONS)))
    size = write_table(options.out, table, {**ABOUT, "revision": options.revision, "procedure": SMALL})
    print(f"{options.out}: {len(tokens)} tokens, {table.dimensions} dimensions, {size} bytes")


def encode(options: argparse.Namespace) -> None:
    teacher = Teacher(options.model, precision=options.precision)
    tokens = kept_tokens(teacher.tokenizer.get_vocab())
    options.cache.mkdir(parents=True, exist_ok=True)
    token_vectors(Teacher(options.model), tokens, options.cache / "tokens.npy")
    encode_texts(teacher, training_corpus(options.data, options.passages), options.cache, options.shards)


def train_table(options: argparse.Namespace) -> None:
    original = Tokenizer.from_file(str(options.model / "tokenizer.json")).get_vocab()
    tokens = kept_tokens(original)
    tokenizer = tokenizer_of(tokens)
    encoded = read_shards(options.cache, original, tokens, options.shards)
    print(f"{len(encoded.vectors)} encoded texts", flush=True)
    pairs = tokenised_pairs(training_corpus(options.data, options.passages), tokenizer, len(tokens))
    print(", ".join(f"{name} {len(p.query)}" for name, p in pairs.items()), "pairs", flush=True)
    validate = validator(validation_sets(options.data), tokenizer, len(tokens))
    vectors = np.load(options.cache / "tokens.npy")
    table = train(tokens, vectors, encoded, pairs, validate, set(options.without))
    np.save(options.cache / "rows.npy", table.rows)
    size = write_table(options.out, table, {**ABOUT, "revision": options.revision, "procedure": FULL})
    validate("int8", read_table(options.out)[0].rows)
    print(f"{options.out}: {size} bytes", flush=True)


def everything(options: argparse.Namespace) -> None:
    encode(options)
    train_table(options)
    check(options)


def check(options: argparse.Namespace) -> None:
    rows = options.cache / "rows.npy"
    print(verify(options.out, rows if rows.exists() else None))


def evaluate(options: argparse.Namespace) -> None:
    names = options.sets or [*SETS, *OTHER_LANGUAGES]
    print(report(read_table(options.out)[0], options.data, names))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m distil", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, what in (
        ("small", small, "the table without training, from the weights alone"),
        ("encode", encode, "the teacher's vectors of tokens and training texts, into the cache"),
        ("train", train_table, "the table from the cache"),
        ("all", everything, "encode, train, verify"),
        ("verify", check, "whether the file reads back and equals the float table"),
        ("evaluate", evaluate, "nDCG@10 of the dense leg, BM25, and both fused"),
    ):
        command = commands.add_parser(name, help=what)
        command.set_defaults(run=run)
        command.add_argument("--out", type=Path, default=ARTEFACT, help="the table's file")
        command.add_argument("--cache", type=Path, default=Path("cache"), help="what the teacher made")
        command.add_argument("--model", type=Path, help="folder with config.json, model.safetensors, tokenizer.json")
        command.add_argument("--data", type=Path, help="folder of the sets in BEIR's layout")
        command.add_argument("--passages", type=Path, help="file of English documentation, one passage a line")
        command.add_argument("--shards", type=int, default=19, help="how many shards of 4,096 texts are used")
        command.add_argument("--precision", choices=("f32", "bf16"), default="bf16", help="of the teacher over texts")
        command.add_argument("--revision", default="2", help="into the file's header")
        command.add_argument("--without", nargs="*", choices=STEPS, default=[], help="steps to leave out")
        command.add_argument("--sets", nargs="*", help="which sets to evaluate")
    options = parser.parse_args()
    options.run(options)


main()
