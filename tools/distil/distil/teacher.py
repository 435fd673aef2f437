"""The teacher: all-MiniLM-L6-v2's forward pass, built from its weights as an ONNX graph and run by OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

Floats = NDArray[np.floating]

MAX_TOKENS = 64
TOKENS_PER_BATCH = 4096


class Graph:
    """Collects the nodes and weights of an ONNX graph; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, value: NDArray) -> str:
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x: str, weight: Floats, bias: Floats) -> str:
        return self.op("Add", self.op("MatMul", x, self.constant(weight.T.copy())), self.constant(bias))


def bert(weights: dict[str, Floats], config: dict) -> onnx.ModelProto:
    """BERT with mean pooling and normalisation: (ids, mask), both int64[batch, length], to float32[batch, hidden]."""
    g = Graph()
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon = config["layer_norm_eps"]

    def norm(x: str, name: str) -> str:
        scale, bias = g.constant(weights[f"{name}.weight"]), g.constant(weights[f"{name}.bias"])
        return g.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def dense(x: str, name: str) -> str:
        return g.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def split_heads(x: str) -> str:
        shape = g.constant(np.array([0, 0, heads, hidden // heads], np.int64))
        return g.op("Transpose", g.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    positions = g.constant(weights["embeddings.position_embeddings.weight"])
    length = g.op("Slice", g.op("Shape", "ids"), *(g.constant(np.array([n], np.int64)) for n in (1, 2)))
    first = g.constant(np.array([0], np.int64))
    words = g.op("Gather", g.constant(weights["embeddings.word_embeddings.weight"]), "ids")
    x = g.op("Add", words, g.op("Slice", positions, first, length, first))
    x = g.op("Add", x, g.constant(weights["embeddings.token_type_embeddings.weight"][0]))
    x = norm(x, "embeddings.LayerNorm")

    mask = g.op("Cast", "mask", to=TensorProto.FLOAT)
    absent = g.op("Sub", g.constant(np.array(1, np.float32)), mask)
    axes = g.constant(np.array([1, 2], np.int64))
    bias = g.op("Unsqueeze", g.op("Mul", absent, g.constant(np.array(-1e4, np.float32))), axes)
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"
        q, k, v = (split_heads(dense(x, f"{at}.attention.self.{n}")) for n in ("query", "key", "value"))
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = g.op("Mul", scores, g.constant(np.array((hidden // heads) ** -0.5, np.float32)))
        context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, bias), axis=-1), v)
        context = g.op("Transpose", context, perm=[0, 2, 1, 3])
        context = g.op("Reshape", context, g.constant(np.array([0, 0, hidden], np.int64)))
        x = norm(g.op("Add", x, dense(context, f"{at}.attention.output.dense")), f"{at}.attention.output.LayerNorm")
        inner = g.op("Gelu", dense(x, f"{at}.intermediate.dense"))
        x = norm(g.op("Add", x, dense(inner, f"{at}.output.dense")), f"{at}.output.LayerNorm")

    weight = g.op("Unsqueeze", mask, g.constant(np.array([2], np.int64)))
    pooled = g.op("ReduceSum", g.op("Mul", x, weight), g.constant(np.array([1], np.int64)), keepdims=0)
    g.nodes.append(helper.make_node("LpNormalization", [pooled], ["vector"], axis=-1, p=2))
    shape = ["batch", "length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("ids", "mask")]
    output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", hidden])
    graph = helper.make_graph(g.nodes, "teacher", inputs, [output], g.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


class Teacher:
    """Embeds texts with the sentence transformer in a folder (config.json, model.safetensors, tokenizer.json)."""

    def __init__(self, folder: Path, precision: str = "f32", threads: int = 2) -> None:
        config = json.loads((folder / "config.json").read_text())
        self.dimensions: int = config["hidden_size"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)
        core = openvino.Core()
        core.set_property({"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads})
        model = bert(load_file(str(folder / "model.safetensors")), config)
        self.network = core.compile_model(core.read_model(model.SerializeToString()), "CPU")

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32[texts, dimensions]; texts are cut after MAX_TOKENS tokens."""
        ids: list[list[int]] = [e.ids for e in self.tokenizer.encode_batch_fast(list(texts))]
        return self.encode_ids(ids)

    def encode_ids(self, ids: Sequence[Sequence[int]]) -> Floats:
        out = np.empty((len(ids), self.dimensions), np.float32)
        for chosen in batches_by_length([len(row) for row in ids]):
            longest = max(len(ids[i]) for i in chosen)
            batch = np.zeros((len(chosen), longest), np.int64)
            mask = np.zeros_like(batch)
            for row, i in enumerate(chosen):
                batch[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            out[chosen] = self.network({"ids": batch, "mask": mask})[0]
        return out


def batches_by_length(lengths: Sequence[int]) -> Iterable[list[int]]:
    """Groups positions of like length, so that little is padded."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and lengths[order[end]] * (end + 1 - start) <= TOKENS_PER_BATCH:
            end += 1
        yield order[start:end].tolist()
        start = end
