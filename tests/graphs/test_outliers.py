"""Outliers set apart: the same answers from two blocks, and blocks that are not split."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from posthue.graphs.outliers import blocks, split_outliers

pytestmark = pytest.mark.torch

DIM, HIDDEN = 4, 12
#: GELU as an operation, and spelled out: x · ½ · (1 + erf(x / √2)).
ACTIVATIONS = {
    "gelu": [("Gelu", ["wide"], "active")],
    "spelled": [
        ("Div", ["wide", "root"], "divided"),
        ("Erf", ["divided"], "erf"),
        ("Add", ["erf", "one"], "more"),
        ("Mul", ["wide", "more"], "twice"),
        ("Mul", ["twice", "half"], "active"),
    ],
}


def network(
    activation: list[tuple[str, list[str], str]], *, outputs: tuple[str, ...] = ("y",)
) -> onnx.ModelProto:
    generator = np.random.default_rng(0)
    weights = {
        "w1": generator.normal(size=(DIM, HIDDEN)),
        "b1": generator.normal(size=HIDDEN),
        "w2": generator.normal(size=(HIDDEN, DIM)),
        "root": np.sqrt(2.0),
        "one": np.array(1.0),
        "half": np.array(0.5),
    }
    weights["b1"][7] = 50.0
    steps = [("MatMul", ["x", "w1"], "raw"), ("Add", ["raw", "b1"], "wide"), *activation]
    steps += [("MatMul", ["active", "w2"], "y")]
    nodes = [helper.make_node(kind, given, [out], name=f"node_{out}") for kind, given, out in steps]
    shape = ["batch", DIM]
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(v, dtype=np.float32), name) for name, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def answers(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # constants that are no longer used
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(["y"], {"x": x})[0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_split_block_says_the_same(activation: str) -> None:
    x = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float32)
    model = network(ACTIVATIONS[activation])
    before = answers(model, x)
    (split,) = split_outliers(model, [{"x": x}], 3)
    np.testing.assert_allclose(answers(model, x), before, rtol=1e-5, atol=1e-4)
    shapes = {t.name: tuple(t.dims) for t in model.graph.initializer}
    products = {n.name: shapes[n.input[1]] for n in model.graph.node if n.op_type == "MatMul"}
    assert [products[name] for name in split.few] == [(DIM, 3), (3, DIM)]
    assert products[split.narrow] == (HIDDEN - 3, DIM)


def test_the_channel_that_reaches_furthest_is_apart() -> None:
    x = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float32)
    model = network(ACTIVATIONS["gelu"])
    (split,) = split_outliers(model, [{"x": x}], 1)
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    wide = next(n for n in model.graph.node if n.name == split.few[0])
    np.testing.assert_array_equal(weights[wide.input[1]], weights["w1"][:, [7]])


def test_blocks_that_cannot_be_split_are_left() -> None:
    x = np.zeros((2, DIM), dtype=np.float32)
    whole_rows = network([("Softmax", ["wide"], "active")])  # what one channel is depends on the others
    assert not blocks(whole_rows)
    assert split_outliers(whole_rows, [{"x": x}], 3) == []
    narrow = network(ACTIVATIONS["gelu"])
    assert split_outliers(narrow, [{"x": x}], HIDDEN) == []
    straight = network([("Mul", ["wide", "half"], "active")])  # bends nothing, and may be far below zero
    assert not blocks(straight)
    shown = network(ACTIVATIONS["gelu"], outputs=("y", "active"))  # somebody wants the middle as it is
    assert not blocks(shown)


def test_a_tower_that_narrows_twice_is_left() -> None:
    model = network(ACTIVATIONS["gelu"])
    weights = np.random.default_rng(2).normal(size=(DIM, 2)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weights, "w3"))
    model.graph.node.append(helper.make_node("Relu", ["y"], ["bent"]))
    model.graph.node.append(helper.make_node("MatMul", ["bent", "w3"], ["z"]))
    x = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float32)
    assert [block.narrow.output[0] for block in blocks(model)] == ["y"]
    before = answers(model, x)
    split_outliers(model, [{"x": x}], 3)
    np.testing.assert_allclose(answers(model, x), before, rtol=1e-5, atol=1e-4)
