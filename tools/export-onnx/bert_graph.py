"""A BERT encoder as an ONNX graph, built node by node from its weights: no PyTorch, no tracing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
# The oldest representation that knows this opset, so that older runtimes open the file too.
IR_VERSION = 8


@dataclass(frozen=True)
class Shape:
    """What config.json says about the encoder."""

    layers: int
    heads: int
    hidden: int
    epsilon: float

    @staticmethod
    def of(config: dict) -> "Shape":
        if config.get("hidden_act", "gelu") != "gelu":
            raise ValueError(f"hidden_act {config['hidden_act']} is not built; only gelu is")
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise ValueError("only absolute positions are built")
        return Shape(
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["hidden_size"],
            epsilon=config["layer_norm_eps"],
        )


class Graph:
    """Nodes and weights under names that follow the PyTorch modules'."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def add(self, op: str, inputs: list[str], output: str | None = None, **attributes) -> str:
        self._count += 1
        name = output or f"{op.lower()}_{self._count}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"node_{self._count}", **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def weight(self, name: str, transpose: bool = False) -> str:
        value = self.weights[name].astype(np.float32)
        return self.constant(name, value.T if transpose else value)

    def linear(self, x: str, module: str, output: str | None = None) -> str:
        """PyTorch keeps a layer's weight as (out, in); MatMul wants (in, out)."""
        product = self.add("MatMul", [x, self.weight(f"{module}.weight", transpose=True)])
        return self.add("Add", [product, self.weight(f"{module}.bias")], output)

    def layer_norm(self, x: str, module: str, epsilon: float, output: str | None = None) -> str:
        inputs = [x, self.weight(f"{module}.weight"), self.weight(f"{module}.bias")]
        return self.add("LayerNormalization", inputs, output, axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        """The exact one: x · (1 + erf(x / √2)) / 2."""
        scaled = self.add("Div", [x, self.constant("sqrt_2", np.float32(np.sqrt(2)))])
        shifted = self.add("Add", [self.add("Erf", [scaled]), self.constant("one", np.float32(1))])
        halved = self.add("Mul", [x, self.constant("half", np.float32(0.5))])
        return self.add("Mul", [halved, shifted])


def build(weights: dict[str, np.ndarray], config: dict, heads: dict[str, str] | None = None) -> onnx.ModelProto:
    """
    Inputs `input_ids`, `attention_mask`, `token_type_ids`, int64 (batch, sequence); output `last_hidden_state`, float32
    (batch, sequence, hidden). `heads` adds outputs: name → module of a linear layer over the [CLS] vector (`logits`) or,
    where the name is `contextual`, over every token's vector.
    """
    shape = Shape.of(config)
    graph = Graph(weights)
    hidden = _embeddings(graph, shape)
    mask = _attention_bias(graph)
    for layer in range(shape.layers):
        last = "last_hidden_state" if layer == shape.layers - 1 else None
        hidden = _layer(graph, shape, f"encoder.layer.{layer}", hidden, mask, last)
    outputs = [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, ["batch", "sequence", shape.hidden])]
    for name, module in (heads or {}).items():
        outputs.append(_head(graph, hidden, name, module))
    return _model(graph, outputs)


def _embeddings(graph: Graph, shape: Shape) -> str:
    words = graph.add("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"])
    types = graph.add("Gather", [graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"])
    # Positions 0 … sequence − 1 are the first rows of the table.
    length = graph.add("Shape", ["input_ids"], start=1, end=2)
    start = graph.constant("zero_index", np.array([0], np.int64))
    positions = graph.add("Slice", [graph.weight("embeddings.position_embeddings.weight"), start, length])
    summed = graph.add("Add", [graph.add("Add", [words, positions]), types])
    return graph.layer_norm(summed, "embeddings.LayerNorm", shape.epsilon)


def _attention_bias(graph: Graph) -> str:
    """0 where a token is, the least float32 where padding is, as (batch, 1, 1, sequence)."""
    axes = graph.constant("mask_axes", np.array([1, 2], np.int64))
    mask = graph.add("Cast", [graph.add("Unsqueeze", ["attention_mask", axes])], to=TensorProto.FLOAT)
    inverted = graph.add("Sub", [graph.constant("one", np.float32(1)), mask])
    return graph.add("Mul", [inverted, graph.constant("least", np.finfo(np.float32).min)])


def _layer(graph: Graph, shape: Shape, module: str, x: str, mask: str, output: str | None) -> str:
    attended = _attention(graph, shape, f"{module}.attention.self", x, mask)
    projected = graph.linear(attended, f"{module}.attention.output.dense")
    residual = graph.add("Add", [projected, x])
    x = graph.layer_norm(residual, f"{module}.attention.output.LayerNorm", shape.epsilon)
    wide = graph.gelu(graph.linear(x, f"{module}.intermediate.dense"))
    narrow = graph.linear(wide, f"{module}.output.dense")
    residual = graph.add("Add", [narrow, x])
    return graph.layer_norm(residual, f"{module}.output.LayerNorm", shape.epsilon, output)


def _attention(graph: Graph, shape: Shape, module: str, x: str, mask: str) -> str:
    size = shape.hidden // shape.heads
    split = graph.constant("split_heads", np.array([0, 0, shape.heads, size], np.int64))
    join = graph.constant("join_heads", np.array([0, 0, shape.hidden], np.int64))

    def heads_of(part: str, perm: list[int]) -> str:
        linear = graph.linear(x, f"{module}.{part}")
        return graph.add("Transpose", [graph.add("Reshape", [linear, split])], perm=perm)

    query = heads_of("query", [0, 2, 1, 3])
    key = heads_of("key", [0, 2, 3, 1])
    value = heads_of("value", [0, 2, 1, 3])
    scale = graph.constant("sqrt_head", np.float32(np.sqrt(size)))
    scores = graph.add("Add", [graph.add("Div", [graph.add("MatMul", [query, key]), scale]), mask])
    mixed = graph.add("MatMul", [graph.add("Softmax", [scores], axis=-1), value])
    return graph.add("Reshape", [graph.add("Transpose", [mixed], perm=[0, 2, 1, 3]), join])


def _head(graph: Graph, hidden: str, name: str, module: str) -> onnx.ValueInfoProto:
    width = graph.weights[f"{module}.bias"].shape[0]
    if name == "contextual":
        graph.linear(hidden, module, name)
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "sequence", width])
    first = graph.add("Gather", [hidden, graph.constant("first", np.int64(0))], axis=1)
    graph.linear(first, module, name)
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])


def _model(graph: Graph, outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    built = helper.make_graph(graph.nodes, "bert", inputs, outputs, list(graph.initializers.values()))
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="quarry")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model
