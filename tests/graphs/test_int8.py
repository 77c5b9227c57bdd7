"""Quantised transformers: what is in int8, and how near the vectors are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

import torch

from onnx_runs import run
from posthue.graphs import half, int8
from posthue.graphs.dequantize import dequantize
from posthue.graphs.half import half_weights
from posthue.graphs.smooth_quant import Feeds
from posthue.model.export import export_graphs
from tiny_models import bert_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch

TEXTS = ["so happy a day", "bad film and the worst food of this day very sad", "awful", "a table"]
#: Products with weights in each layer of a BERT: query, key, value, output, wide, narrow.
PRODUCTS = 6


@pytest.fixture(scope="module")
def feeds() -> list[Feeds]:
    processor = tiny_processor()
    return [{name: t.numpy() for name, t in processor.tokens([text, "the day"]).items()} for text in TEXTS]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text encoder in fp32; one entry in the middle of its first layer is far out."""
    folder = tmp_path_factory.mktemp("fp32")
    model = tiny_model(text=bert_config())
    with torch.no_grad():
        model.text.backbone.encoder.layer[0].intermediate.dense.bias[3] = 40.0
    export_graphs(model, folder, quantize=False)
    return folder / "text.onnx"


def copied(graph: Path, folder: Path) -> Path:
    return Path(folder / "text.onnx").write_bytes(graph.read_bytes()) and folder / "text.onnx"


def vectors(path: Path, feeds: list[Feeds]) -> np.ndarray:
    return np.concatenate([run(path, feed) for feed in feeds])


def in_int8(path: Path) -> int:
    return sum(node.op_type == "MatMulInteger" for node in onnx.load(path).graph.node)


def test_outliers_apart_bring_the_vectors_nearer(
    graph: Path, feeds: list[Feeds], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = bert_config().num_hidden_layers
    errors, expected = [], vectors(graph, feeds)
    for few, split in ((10_000, 0), (2, layers)):
        monkeypatch.setattr(int8, "APART", few)
        folder = tmp_path / str(few)
        folder.mkdir()
        path = copied(graph, folder)
        assert int8.quantize(path, feeds) == split
        assert in_int8(path) == PRODUCTS * layers
        errors.append(np.linalg.norm(vectors(path, feeds) - expected) / np.linalg.norm(expected))
    assert errors[1] < 0.5 * errors[0]


def test_rounding_together_brings_the_vectors_nearer(
    graph: Path, feeds: list[Feeds], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors, expected = {}, vectors(graph, feeds)
    for together in (True, False):
        folder = tmp_path / str(together)
        folder.mkdir()
        path = copied(graph, folder)
        if not together:
            monkeypatch.setattr(int8, "apply_gptq", lambda *_: 0)
        int8.quantize(path, feeds)
        rounded = onnx.load(path)
        dequantize(rounded)  # with activations as they are, what is left is the error of the weights
        onnx.save(rounded, path)
        errors[together] = np.linalg.norm(vectors(path, feeds) - expected)
    assert errors[True] < errors[False]


def test_without_calibration_everything_is_int8(graph: Path, tmp_path: Path) -> None:
    path = copied(graph, tmp_path)
    assert int8.quantize(path, ()) == 0
    assert in_int8(path) == PRODUCTS * bert_config().num_hidden_layers


def test_half_weights_change_little(
    graph: Path, feeds: list[Feeds], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half, "HALVED", 64)
    path = copied(graph, tmp_path)
    half_weights(path)
    assert path.stat().st_size < 0.8 * graph.stat().st_size
    np.testing.assert_allclose(vectors(path, feeds), vectors(graph, feeds), atol=0.02)
