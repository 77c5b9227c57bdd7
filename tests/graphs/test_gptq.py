"""Weights that are rounded together: nearer in the products, on the same grid."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper

from posthue.graphs.gptq import _hessians, gptq

pytestmark = pytest.mark.torch

IN, OUT = 96, 8


def correlated(rows: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(size=(rows, 6)) @ generator.normal(size=(6, IN)) + 0.1 * generator.normal(
        size=(rows, IN)
    )


def test_products_come_nearer_on_the_same_grid() -> None:
    weights = np.random.default_rng(1).normal(size=(IN, OUT)).astype(np.float32)
    scale = (np.abs(weights).max(axis=0) / 127).astype(np.float32)
    seen, unseen = np.split(correlated(4000), 2)
    found = gptq(weights, scale, seen.T @ seen)
    assert found.dtype == np.int8
    assert np.abs(found).max() <= 127
    errors = [np.linalg.norm(unseen @ (w * scale - weights)) for w in (found, np.rint(weights / scale))]
    assert errors[0] < 0.5 * errors[1]


def test_inputs_that_have_nothing_in_common_are_rounded_to_the_nearest() -> None:
    weights = np.random.default_rng(1).normal(size=(IN, OUT)).astype(np.float32)
    scale = (np.abs(weights).max(axis=0) / 127).astype(np.float32)
    for moments in (np.eye(IN), np.zeros((IN, IN))):
        np.testing.assert_array_equal(gptq(weights, scale, moments), np.rint(weights / scale))


def test_vectors_as_long_as_the_texts_are_not_taken_for_tokens() -> None:
    shape = [2, 8]
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "attention_mask")
    ]
    nodes = [helper.make_node("Mul", ["x", "attention_mask"], ["vectors"])]
    result = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, shape)]
    graph = helper.make_model(
        helper.make_graph([*nodes, helper.make_node("Neg", ["vectors"], ["other"])], "g", given, result),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    moments = _hessians(graph, ["other"], [{"x": x, "attention_mask": np.ones(shape, np.float32)}])
    np.testing.assert_allclose(moments["other"], x.T @ x, rtol=1e-5)
