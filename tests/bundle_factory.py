"""A tiny bundle whose answers can be foretold: "happy" and green are positive, "sad" and red are negative."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers import models, normalizers, pre_tokenizers

from posthue.data.images.spec import ImageSpec
from posthue.labels import EMOTION, SENTIMENT

TEXT_DIM, IMAGE_DIM, PATCH = 8, 4, 8
WORDS = ("[PAD]", "[UNK]", "happy", "sad", "the", "day", "a", "what", "is", "@", "user")
SPEC = ImageSpec(size=32, small_size=16)
SENTIMENT_PRIOR = [0.25, 0.25, 0.5]


def make_bundle(
    folder: Path,
    changes: Mapping[str, object] | None = None,
    *,
    text: bool = True,
    image: bool = True,
    sequence: bool = False,
) -> Path:
    """Write a bundle into ``folder`` and return it; ``changes`` replace top-level fields of config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    _save_tokenizer(folder / "tokenizer.json")
    _save(folder / "text.onnx", text_model())
    _save(folder / "image.onnx", image_model())
    _save(folder / "head.onnx", head_model(sequence=sequence))
    config = make_config(text=text, image=image, sequence=sequence) | dict(changes or {})
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def make_config(*, text: bool = True, image: bool = True, sequence: bool = False) -> dict[str, object]:
    outputs = ["pooled", "sequence"] if sequence else ["pooled"]
    text_part = {
        "file": "text.onnx",
        "tokenizer": "tokenizer.json",
        "max_length": 12,
        "pad_id": 0,
        "normalise": "tweet",
        "outputs": outputs,
        "dim": TEXT_DIM,
        "precision": "fp32",
    }
    image_part = {
        "file": "image.onnx",
        "spec": SPEC.to_dict(),
        "outputs": outputs,
        "dim": IMAGE_DIM,
        "precision": "fp32",
    }
    return {
        "format": 1,
        "name": "tiny",
        "posthue_version": "0.1.0",
        "created": "2024-01-01T00:00:00Z",
        "schemes": {s.name: list(s.labels) for s in (SENTIMENT, EMOTION)},
        "priors": {"sentiment": SENTIMENT_PRIOR, "emotion": [1 / 7] * 7},
        "temperatures": {
            "sentiment": {"both": 1.0, "text": 1.5, "image": 2.0},
            "emotion": {"both": 1.0, "text": 1.0, "image": 1.0},
        },
        "text": text_part if text else None,
        "image": image_part if image else None,
        "head": {"file": "head.onnx"},
        "parity": {"max_difference": 0.001},
        "provenance": {"made_by": "tests"},
    }


def text_model() -> onnx.ModelProto:
    """Mean of the embeddings of the tokens that the mask keeps."""
    embedding = _random((len(WORDS), TEXT_DIM), seed=1)
    embedding[WORDS.index("happy")] = [0, 0, 8, 0, 0, 0, 0, 0]
    embedding[WORDS.index("sad")] = [8, 0, 0, 0, 0, 0, 0, 0]
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["sequence"]),
        *_masked_mean("attention_mask", "sequence", "pooled"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "l"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [_floats("pooled", ["b", TEXT_DIM]), _floats("sequence", ["b", "l", TEXT_DIM])]
    return _model(nodes, inputs, outputs, {"embedding": embedding} | _MEAN_CONSTANTS)


def image_model() -> onnx.ModelProto:
    """One convolution over patches that looks at red and at green, then their mean."""
    kernel = _random((IMAGE_DIM, 3, PATCH, PATCH), seed=2) / 100
    kernel[0], kernel[1] = 0, 0
    kernel[0, 0], kernel[1, 1] = 2 / PATCH**2, 2 / PATCH**2
    nodes = [
        helper.make_node("Conv", ["pixel_values", "kernel"], ["map"], strides=[PATCH, PATCH]),
        helper.make_node("Reshape", ["map", "flat"], ["steps"]),
        helper.make_node("Transpose", ["steps"], ["sequence"], perm=[0, 2, 1]),
        helper.make_node("ReduceMean", ["sequence"], ["pooled"], axes=[1], keepdims=0),
    ]
    inputs = [_floats("pixel_values", ["b", 3, "h", "w"])]
    outputs = [_floats("pooled", ["b", IMAGE_DIM]), _floats("sequence", ["b", "p", IMAGE_DIM])]
    flat = np.array([0, IMAGE_DIM, -1], dtype=np.int64)
    return _model(nodes, inputs, outputs, {"kernel": kernel, "flat": flat})


def head_model(*, sequence: bool) -> onnx.ModelProto:
    """Sum of a linear map of each present modality; with ``sequence`` it takes the mean of steps itself."""
    nodes, inputs, constants = [], [], dict(_MEAN_CONSTANTS)
    for column, (name, dim) in enumerate((("text", TEXT_DIM), ("image", IMAGE_DIM))):
        if sequence:
            inputs.append(_floats(f"{name}_sequence", ["b", f"{name}_l", dim]))
            mask = helper.make_tensor_value_info(f"{name}_mask", TensorProto.BOOL, ["b", f"{name}_l"])
            inputs.append(mask)
            nodes += _masked_mean(f"{name}_mask", f"{name}_sequence", name)
        else:
            inputs.append(_floats(name, ["b", dim]))
        constants[f"column_{name}"] = np.array([column], dtype=np.int64)
        nodes.append(helper.make_node("Gather", ["present_float", f"column_{name}"], [f"{name}_on"], axis=1))
        nodes.append(helper.make_node("Mul", [name, f"{name}_on"], [f"{name}_shown"]))
    nodes.insert(0, helper.make_node("Cast", ["present"], ["present_float"], to=TensorProto.FLOAT))
    inputs.append(helper.make_tensor_value_info("present", TensorProto.BOOL, ["b", 2]))
    outputs = []
    for seed, scheme in enumerate((SENTIMENT, EMOTION)):
        for name, weights in _head_weights(len(scheme), seed).items():
            constants[f"{name}_{scheme.name}"] = weights
            product = f"{name}_{scheme.name}_product"
            nodes.append(helper.make_node("MatMul", [f"{name}_shown", f"{name}_{scheme.name}"], [product]))
        products = [f"{name}_{scheme.name}_product" for name in ("text", "image")]
        nodes.append(helper.make_node("Add", products, [f"logits_{scheme.name}"]))
        outputs.append(_floats(f"logits_{scheme.name}", ["b", len(scheme)]))
    return _model(nodes, inputs, outputs, constants)


def _head_weights(labels: int, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    if labels != len(SENTIMENT):
        return {
            "text": _random((TEXT_DIM, labels), seed=10 + seed),
            "image": _random((IMAGE_DIM, labels), seed=20 + seed),
        }
    text = np.zeros((TEXT_DIM, 3), dtype=np.float32)
    text[:3] = np.eye(3)
    image = np.array([[1, 0, -1], [-1, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    return {"text": text, "image": image}


_MEAN_CONSTANTS: Mapping[str, npt.NDArray[np.generic]] = {
    "last": np.array([2], dtype=np.int64),
    "one": np.array([1], dtype=np.float32),
    "steps_axis": np.array([1], dtype=np.int64),
}


def _masked_mean(mask: str, sequence: str, out: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Cast", [mask], [f"{out}_m"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", [f"{out}_m", "last"], [f"{out}_m3"]),
        helper.make_node("Mul", [sequence, f"{out}_m3"], [f"{out}_kept"]),
        helper.make_node("ReduceSum", [f"{out}_kept", "steps_axis"], [f"{out}_sum"], keepdims=0),
        helper.make_node("ReduceSum", [f"{out}_m", "steps_axis"], [f"{out}_n"], keepdims=1),
        helper.make_node("Max", [f"{out}_n", "one"], [f"{out}_n1"]),
        helper.make_node("Div", [f"{out}_sum", f"{out}_n1"], [out]),
    ]


def _floats(name: str, shape: list[object]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _random(shape: tuple[int, ...], *, seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) / 2


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: Mapping[str, npt.NDArray[np.generic]],
) -> onnx.ModelProto:
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(v, name) for name, v in constants.items() if name in used]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _save(path: Path, model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _save_tokenizer(path: Path) -> None:
    vocab = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(path))
