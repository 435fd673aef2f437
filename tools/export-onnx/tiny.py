"""
Writes a BERT of a few kilobytes with random weights as the fixture of the ONNX tests, one graph with every kind of
output, and what the independent encoder says of some texts. Usage: python tiny.py ../../test/fixtures/onnx
"""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path

import numpy as np
import onnx
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bert_graph import build
from expected import Expected
from texts import BASE, WORDS

CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 16,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
}
TOKENS_MAX = 48
HEADS = {"logits": "classifier", "contextual": "linear"}


def vocabulary() -> list[str]:
    special = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = string.ascii_lowercase + string.digits
    pieces = ["##" + letter for letter in letters] + ["##ing", "##ed", "##er", "##s"]
    return special + list(string.punctuation) + list(letters) + pieces + ["the", "of", "and", "is"] + sorted(set(WORDS))[:40]


def random_weights(size: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    hidden, wide = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    weights: dict[str, np.ndarray] = {}

    def table(name: str, rows: int) -> None:
        weights[f"{name}.weight"] = random.normal(0, 1, (rows, hidden)).astype(np.float32)

    def layer(name: str, wide_in: int, wide_out: int) -> None:
        weights[f"{name}.weight"] = random.normal(0, 0.3, (wide_out, wide_in)).astype(np.float32)
        weights[f"{name}.bias"] = random.normal(0, 0.1, wide_out).astype(np.float32)

    def norm(name: str) -> None:
        weights[f"{name}.weight"] = random.normal(1, 0.1, hidden).astype(np.float32)
        weights[f"{name}.bias"] = random.normal(0, 0.1, hidden).astype(np.float32)

    table("embeddings.word_embeddings", size)
    table("embeddings.position_embeddings", CONFIG["max_position_embeddings"])
    table("embeddings.token_type_embeddings", CONFIG["type_vocab_size"])
    norm("embeddings.LayerNorm")
    for i in range(CONFIG["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            layer(f"{at}.attention.self.{part}", hidden, hidden)
        layer(f"{at}.attention.output.dense", hidden, hidden)
        norm(f"{at}.attention.output.LayerNorm")
        layer(f"{at}.intermediate.dense", hidden, wide)
        layer(f"{at}.output.dense", wide, hidden)
        norm(f"{at}.output.LayerNorm")
    layer("classifier", hidden, 1)
    layer("linear", hidden, 8)
    return weights


def tokenizer_of(tokens: list[str]) -> Tokenizer:
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return tokenizer


FILES = {
    "config.json": CONFIG,
    "tokenizer_config.json": {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": 64,
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "unk_token": "[UNK]",
    },
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ],
    "1_Pooling/config.json": {
        "word_embedding_dimension": CONFIG["hidden_size"],
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    },
    "sentence_bert_config.json": {"max_seq_length": TOKENS_MAX, "do_lower_case": False},
    "config_sentence_transformers.json": {"prompts": {"query": "is ", "document": "the "}},
    "artifact.metadata": {
        "query_maxlen": 12,
        "doc_maxlen": 32,
        "query_token_id": "[unused0]",
        "doc_token_id": "[unused1]",
        "mask_punctuation": True,
        "attend_to_mask_tokens": False,
    },
}


def expected_of(oracle: Expected) -> dict:
    texts = [*BASE, " ".join(WORDS), " ".join(WORDS[:9]), "the index of the shard, and the alias."]
    queries = ["index of the shard", "what is the deadline?"]
    documents = texts[:6] + texts[-3:]
    return {
        "texts": [
            {"text": text, "mean": oracle.mean(text, TOKENS_MAX), "cls": oracle.cls(text, TOKENS_MAX)} for text in texts
        ],
        "pairs": [
            {
                "query": query,
                "document": document,
                "logit": oracle.logits(query, document, TOKENS_MAX, "classifier")[0],
                "max_sim": oracle.max_sim(query, document, 12, 32, "linear"),
            }
            for query in queries
            for document in documents
        ],
    }


def main() -> None:
    to = Path(sys.argv[1])
    tokens = vocabulary()
    weights = random_weights(len(tokens))
    tokenizer = tokenizer_of(tokens)
    for name, content in FILES.items():
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(content, indent=1) + "\n")
    (to / "vocab.txt").write_text("\n".join(tokens) + "\n")
    (to / "tokenizer.json").write_text(tokenizer.to_str())
    onnx.save(build(weights, CONFIG, HEADS), str(to / "model.onnx"))
    (to / "expected.json").write_text(json.dumps(expected_of(Expected(weights, CONFIG, tokenizer))))


if __name__ == "__main__":
    main()
