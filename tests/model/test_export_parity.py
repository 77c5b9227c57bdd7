"""Every fusion, exported and loaded without torch, says what the torch model says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from transformers import PreTrainedConfig

import posthue
from posthue.data.images.spec import ImageSpec
from posthue.model.encoders.word_vectors import WordVectorsConfig, word_tokenizer
from posthue.model.export import export_graphs, export_head
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.training.export.bundle import bundle_config, write_config
from posthue.training.export.calibrate import Calibration
from posthue.training.stages.build import StageModel
from tiny_models import SPEC, WORDS, bert_config, resnet_config, tiny_model, tiny_processor, vit_config

pytestmark = pytest.mark.torch

SCHEMES = ("sentiment", "emotion")
FUSIONS: list[tuple[str, dict[str, Any]]] = [
    *[("late", {"rule": rule}) for rule in ("mean", "product", "learned", "tuned")],
    ("early", {}),
    *[("joint", {"pooling": pooling}) for pooling in ("max", "mean", "sum")],
    ("common-space", {}),
    ("attention", {"dim": 8, "heads": 2}),
    ("attention", {"dim": 8, "heads": 2, "sequences": False}),
    ("gated", {"dim": 8}),
    ("gated", {"dim": 8, "text_hidden": 6}),
    ("gated", {"dim": 8, "heads": 2, "sequences": True}),
]


def picture(seed: int, side: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


POSTS = [
    Post(text="so happy a day", image=picture(1, 80)),
    Post(text="bad film and the worst food of this day very sad", image=picture(2, 90)),
    Post(text="awful"),
    Post(image=picture(3, 70)),
    Post(text="love and joy in the street", image=picture(4, 30)),
    Post(image=picture(5, 24)),
    Post(text="the table is a chair with a window on it my my my"),
]


def shaken(model: PostModel) -> PostModel:
    """Move every weight of the fusion away from zero, so that parity means something."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.add_(torch.randn_like(parameter) / 4)
    return model


def write_bundle(model: PostModel, processor: PostProcessor, folder: Path) -> Path:
    """Write what the graphs in ``folder`` need beside them."""
    temperatures = {s: {"both": 1.0, "text": 1.5, "image": 0.5} for s in SCHEMES}
    priors = {s: [1 / len(labels)] * len(labels) for s, labels in model.config.schemes.items()}
    precisions = {"text": "fp32", "image": "fp32", "head": "fp32"}
    calibration = Calibration(temperatures, priors)
    config = bundle_config("tiny", StageModel(model, processor), calibration, precisions, {})
    write_config(folder, processor, config)
    return folder


@torch.no_grad()
def compare(model: PostModel, processor: PostProcessor, bundle: Path, posts: list[Post]) -> None:
    temperatures = {(True, True): 1.0, (True, False): 1.5, (False, True): 0.5}
    predictions = list(posthue.load(bundle, threads=1).predict_many(posts))
    for post, prediction in zip(posts, predictions, strict=True):
        assert prediction.error is None
        inputs = processor([post])
        state = tuple(inputs["present"][0].tolist())
        logits = model(**inputs).logits
        for scheme in SCHEMES:
            expected = torch.softmax(logits[scheme][0] / temperatures[state], -1).numpy()
            found = np.array(list(prediction[scheme].probabilities.values()))
            np.testing.assert_allclose(found, expected, atol=1e-4)
            assert prediction[scheme].label == model.config.schemes[scheme][int(expected.argmax())]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs of both encoders, with sequences; the same seed makes the same encoders under any fusion."""
    folder = tmp_path_factory.mktemp("encoders")
    model = tiny_model(text=bert_config(), image=resnet_config(), fusion="attention", dim=8, heads=2)
    assert set(export_graphs(model, folder, quantize=False)) == {"text", "image", "head"}
    return folder


@pytest.mark.parametrize(
    ("kind", "options"), FUSIONS, ids=lambda v: v if isinstance(v, str) else ",".join(map(str, v.values()))
)
def test_every_fusion_says_the_same_without_torch(
    encoders: Path, tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    model = shaken(tiny_model(text=bert_config(), image=resnet_config(), fusion=kind, **options))
    bundle = Path(shutil.copytree(encoders, tmp_path / "bundle"))
    export_head(model, bundle / "head.onnx")
    compare(model, tiny_processor(), write_bundle(model, tiny_processor(), bundle), POSTS)


SWIN = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "patch_size": 4}


def transformer(kind: str) -> PreTrainedConfig:
    from transformers import CLIPVisionConfig, Dinov2WithRegistersConfig, SwinConfig

    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    made: dict[str, PreTrainedConfig] = {
        "vit": vit_config(side=64),
        "clip": CLIPVisionConfig(**sizes, intermediate_size=16, image_size=64, patch_size=16),
        "dino": Dinov2WithRegistersConfig(**sizes, image_size=64, patch_size=16, num_register_tokens=2),
        "swin": SwinConfig(image_size=64, **SWIN),
    }
    return made[kind]


@pytest.mark.parametrize("kind", ["vit", "clip", "dino", "swin"])
def test_vision_transformers_say_the_same_without_torch(tmp_path: Path, kind: str) -> None:
    model = tiny_model(image=transformer(kind))
    spec = ImageSpec(size=64, crop_ratio=1.0, small_size=None)
    processor = PostProcessor(tiny_processor().tokenizer, spec.to_dict(), 16)
    export_graphs(model, tmp_path, quantize=False, side=64)
    posts = [Post(image=post.image) for post in POSTS if post.image is not None]
    compare(model, processor, write_bundle(model, processor, tmp_path), posts)


def test_patches_and_word_vectors_say_the_same_without_torch(tmp_path: Path) -> None:
    words = WordVectorsConfig(vocab_size=len(WORDS) + 2, hidden_size=10)
    model = tiny_model(text=words, image=vit_config(side=64), fusion="attention", dim=8, heads=2)
    spec = ImageSpec(size=64, crop_ratio=1.0, small_size=None)
    processor = PostProcessor(word_tokenizer(list(WORDS)), spec.to_dict(), 16)
    export_graphs(shaken(model), tmp_path, quantize=False, side=64)
    compare(model, processor, write_bundle(model, processor, tmp_path), POSTS)


def test_the_small_side_is_that_of_the_tiny_models() -> None:
    assert SPEC.small_size == 32  # pictures 4 and 5 of POSTS go through the second prepared size
