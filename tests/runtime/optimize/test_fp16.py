"""Bundles for graphics cards, made and run on the processor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bundle_factory import make_bundle
from onnx_runs import run
from posthue import BundleError, InputError, Post, Prediction, TableError, load
from posthue.graphs.dequantize import dequantize
from posthue.graphs.fp16 import LARGEST, to_fp16
from posthue.runtime.backends import sessions
from posthue.runtime.bundle.folder import DEFAULT_BUNDLE, Bundle
from posthue.runtime.optimize import fp16
from posthue.runtime.optimize.sample_posts import sample_posts
from posthue.runtime.optimize.static_int8 import quantize_images


def posts(count: int = 24) -> list[Post]:
    draw = np.random.default_rng(0)
    return [
        Post(
            text=" ".join(draw.choice(["happy", "sad", "day"], draw.integers(1, 12))),
            image=draw.integers(0, 255, (40, 48, 3), np.uint8),
        )
        for _ in range(count)
    ]


def kinds(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path).graph.node}


@pytest.mark.parametrize(("text", "image"), [(True, True), (True, False), (False, True)])
def test_answers_stay_and_the_rest_is_carried(tmp_path: Path, text: bool, image: bool) -> None:
    source = make_bundle(tmp_path / "source", text=text, image=image)
    (source / "MODEL_CARD.md").write_text("a card")
    report = fp16.make_fp16(Bundle.open(source), tmp_path / "out", posts(), threads=1)
    assert report.fp32.label_agreement == report.source.label_agreement == 1
    assert report.fp32.n == 24 * 2 * (3 if text and image else 1)
    assert report.source.max_difference < 0.01
    before, after = Bundle.open(source).config, Bundle.open(tmp_path / "out").config
    assert after.temperatures == before.temperatures
    assert (after.priors, after.schemes) == (before.priors, before.schemes)
    assert {part.precision for part in (after.text, after.image) if part} == {"fp16"}
    assert after.provenance["made_by"] == "tests"
    assert (tmp_path / "out" / "MODEL_CARD.md").read_text() == "a card"
    assert (tmp_path / "out" / "head.onnx").read_bytes() == (source / "head.onnx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]
    for name in (*(["text"] if text else []), *(["image"] if image else [])):
        model = onnx.load(tmp_path / "out" / f"{name}.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert {value.type.tensor_type.elem_type for value in model.graph.output} == {TensorProto.FLOAT}
        weights = [t.data_type for t in model.graph.initializer if len(t.dims) > 1]
        assert set(weights) == {TensorProto.FLOAT16}


def test_the_sequences_stay(tmp_path: Path, sequence_bundle: Path) -> None:
    report = fp16.make_fp16(Bundle.open(sequence_bundle), tmp_path / "out", posts(), threads=1)
    assert report.source.label_agreement == 1


def test_a_post_alone_and_in_company_is_the_same(tmp_path: Path, tiny_bundle: Path) -> None:
    fp16.make_fp16(Bundle.open(tiny_bundle), tmp_path / "out", posts(), threads=1)
    classifier = load(tmp_path / "out", threads=1)
    short, long = Post(text="happy"), Post(text=" ".join(["sad"] * 12))
    alone = load(tmp_path / "out", threads=1).predict(short)
    beside, _ = classifier.predict_many([short, long])
    assert probabilities(alone) == pytest.approx(probabilities(beside), abs=1e-3)


def probabilities(prediction: Prediction) -> list[float]:
    return list(prediction["sentiment"].probabilities.values())


def test_what_stands_in_the_way_is_said(tmp_path: Path, tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    fp16.make_fp16(bundle, tmp_path / "out", posts(4), threads=1)
    with pytest.raises(TableError, match="exists already"):
        fp16.make_fp16(bundle, tmp_path / "out", posts(4))
    with pytest.raises(BundleError, match="in fp16 already"):
        fp16.make_fp16(Bundle.open(tmp_path / "out"), tmp_path / "again", posts(4))
    with pytest.raises(InputError, match="no text and no picture"):
        fp16.make_fp16(bundle, tmp_path / "new", [Post()])
    broken = Path(shutil.copytree(tiny_bundle, tmp_path / "broken"))
    (broken / "text.onnx").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match=r"text\.onnx cannot be converted"):
        fp16.make_fp16(Bundle.open(broken), tmp_path / "new", posts(4))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("precision", "said"), [("fp32", "1% is allowed"), ("int8", "5% is allowed")])
def test_changed_labels_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, said: str
) -> None:
    source = make_bundle(tmp_path / "source")
    config = json.loads((source / "config.json").read_text())
    config["text"]["precision"] = precision
    (source / "config.json").write_text(json.dumps(config))
    shares = iter([1.0, 0.94])
    monkeypatch.setattr(fp16, "agreement", lambda found, reference: next(shares))
    with pytest.raises(BundleError, match=rf"fp16 changes 6\.0% of 24 labels of .*source, and {said}"):
        fp16.make_fp16(Bundle.open(source), tmp_path / "out", posts(4), threads=1)
    assert not (tmp_path / "out").exists()


def test_an_int8_bundle_on_a_gpu_says_how_to_be_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class OnGpu(sessions.OnnxModel):
        def __init__(self, path: Path, **options: object) -> None:
            super().__init__(path, threads=1, providers=["CPUExecutionProvider"])
            self.providers = ("CUDAExecutionProvider", "CPUExecutionProvider")

    bundle = make_bundle(tmp_path / "source")
    config = json.loads((bundle / "config.json").read_text())
    config["text"]["precision"] = "int8"
    (bundle / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(sessions, "OnnxModel", OnGpu)
    classifier = load(bundle, threads=1)
    classifier.predict(posts(1)[0])
    classifier.predict(posts(2)[1])
    (record,) = caplog.records
    assert "posthue bundle fp16" in record.getMessage()


def masked_softmax(mask: np.ndarray) -> onnx.ModelProto:
    """Softmax over scores [b, l] of which ``kept`` says which count, as the exporter writes it."""
    nodes = [
        helper.make_node("Where", ["kept", "zero", "lowest"], ["mask"]),
        helper.make_node("MatMul", ["scores", "eye"], ["same"]),
        helper.make_node("Add", ["same", "mask"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["softmax"]),
    ]
    constants = {
        "kept": mask,
        "zero": np.float32(0),
        "lowest": np.finfo(np.float32).min,
        "eye": np.eye(mask.shape[1], dtype=np.float32),
    }
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["b", mask.shape[1]])
    found = helper.make_tensor_value_info("softmax", TensorProto.FLOAT, ["b", mask.shape[1]])
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "masked", [scores], [found], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_masks_do_not_overflow() -> None:
    mask = np.array([[True] * 5, [True, False, False, False, False], [False] * 5])
    scores = np.array([[1, 2, 3, 4, 5], [-900, 9, 9, 9, 9], [-1, -1, -1, -1, -1]], dtype=np.float32)
    half = to_fp16(masked_softmax(mask))
    (lowest,) = (t for t in half.graph.initializer if t.name == "lowest")
    assert numpy_helper.to_array(lowest) == np.float16(-LARGEST)
    np.testing.assert_allclose(
        run(half, {"scores": scores}), run(masked_softmax(mask), {"scores": scores}), atol=1e-3
    )


def test_static_int8_is_undone_with_its_range(tmp_path: Path, tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    model = onnx.load(quantize_images(bundle, posts(16), tmp_path / "static.onnx"))
    pixels = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)
    before = run(model, {"pixel_values": pixels})
    dequantize(model)
    assert {"Conv", "Clip"} <= {node.op_type for node in model.graph.node}
    assert not {node.op_type for node in model.graph.node} & {"QuantizeLinear", "DequantizeLinear"}
    after = run(model, {"pixel_values": pixels})
    assert np.abs(after - before).max() < 0.05 * np.abs(before).max()


@pytest.mark.parametrize("kind", ["DequantizeLinear", "QAttention"])
def test_what_is_not_known_is_refused(tmp_path: Path, tiny_bundle: Path, kind: str) -> None:
    model = onnx.load(quantize_images(Bundle.open(tiny_bundle), posts(16), tmp_path / "static.onnx"))
    if kind == "DequantizeLinear":
        next(node for node in model.graph.node if node.op_type == "QuantizeLinear").op_type = "CastLike"
    else:
        node = model.graph.node[-1]
        node.op_type, node.domain = kind, "com.microsoft"
    with pytest.raises(BundleError, match=f"{kind}: posthue does not know"):
        dequantize(model)


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_BUNDLE.exists(), reason="the default model is not here")
def test_the_default_model_goes_to_fp16(tmp_path: Path) -> None:
    report = fp16.make_fp16(Bundle.open(), tmp_path / "out", sample_posts(40), threads=1)
    assert report.fp32.max_difference < 0.02
    for name in ("text.onnx", "image.onnx", "image_small.onnx"):
        assert not kinds(tmp_path / "out" / name) & {"MatMulInteger", "DynamicQuantizeLinear"}
        tensors = onnx.load(tmp_path / "out" / name).graph.initializer
        assert not [t.name for t in tensors if t.data_type in (TensorProto.INT8, TensorProto.UINT8)]
