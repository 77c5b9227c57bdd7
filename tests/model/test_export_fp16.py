"""A transformer in int8, as it is exported, turned into fp16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

pytest.importorskip("torch")

from onnx import TensorProto

from posthue.graphs import half, int8
from posthue.graphs.dequantize import dequantize
from posthue.graphs.fp16 import to_fp16
from posthue.model.export import export_graphs
from tiny_models import bert_config, tiny_model, vit_config

pytestmark = pytest.mark.torch

Feeds = dict[str, np.ndarray]


def texts(lengths: tuple[int, ...], *, width: int) -> Feeds:
    ids = np.random.default_rng(0).integers(4, 30, (len(lengths), width))
    mask = np.arange(width) < np.array(lengths)[:, None]
    return {"input_ids": np.where(mask, ids, 0), "attention_mask": mask.astype(np.int64)}


def run(model: onnx.ModelProto, feeds: Feeds) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["pooled"], feeds)[0]
    return found


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def converted(path: Path) -> tuple[onnx.ModelProto, onnx.ModelProto, onnx.ModelProto]:
    """The graph as it is, in fp32 and in fp16."""
    plain = onnx.load(path)
    dequantize(plain)
    half = to_fp16(plain)
    onnx.checker.check_model(half, full_check=True)
    return onnx.load(path), plain, half


@pytest.fixture(scope="module")
def text_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text encoder in int8, whose tables and weights are not too small to be stored in fewer bits."""
    folder = tmp_path_factory.mktemp("text")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "LARGE_TABLE", 100)
        patch.setattr(half, "HALVED", 32)
        feeds = texts((60, 3, 1, 20), width=60)
        export_graphs(tiny_model(text=bert_config()), folder, calibration=[feeds])
    return folder / "text.onnx"


def test_a_text_encoder(text_graph: Path) -> None:
    source, plain, half = converted(text_graph)
    kinds = {node.op_type for node in source.graph.node}
    assert {"MatMulInteger", "DynamicQuantizeLinear"} <= kinds
    assert {TensorProto.INT8, TensorProto.FLOAT16} <= {
        tensor.data_type for tensor in source.graph.initializer
    }
    left = {node.op_type for node in half.graph.node}
    assert not left & {"MatMulInteger", "DynamicQuantizeLinear"}
    weights = {tensor.data_type for tensor in half.graph.initializer if len(tensor.dims) == 2}
    assert weights <= {TensorProto.FLOAT16, TensorProto.INT64}
    feeds = texts((60, 3, 1, 20), width=60)
    assert error(run(plain, feeds), run(source, feeds)) < 0.05
    assert error(run(half, feeds), run(plain, feeds)) < 2e-3


def test_padding_changes_nothing(text_graph: Path) -> None:
    _, _, half = converted(text_graph)
    together = texts((60, 3), width=60)
    alone = {name: values[1:, :3] for name, values in together.items()}
    assert error(run(half, together)[1:], run(half, alone)) < 1e-3


def test_a_vision_transformer(tmp_path: Path) -> None:
    export_graphs(tiny_model(image=vit_config(side=64)), tmp_path, side=64)
    source, plain, half = converted(tmp_path / "image.onnx")
    feeds = {"pixel_values": np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)}
    assert {"MatMulInteger"} <= {node.op_type for node in source.graph.node}
    assert error(run(plain, feeds), run(source, feeds)) < 0.05
    assert error(run(half, feeds), run(plain, feeds)) < 2e-3
    (given,) = half.graph.input
    assert given.type.tensor_type.elem_type == TensorProto.FLOAT
