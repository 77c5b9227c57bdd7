"""One set of weights twice: as a transformers classifier, and as a bundle of posthue.

The encoders are those that the shipped model starts from; the heads are random, since their cost is what
matters here. BERT's classifier has its pooler where the post model averages, a difference of nothing in cost.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.utils import logging as transformers_logging

from posthue import PostClassifier, __version__
from posthue.data.images.decode import decode_image, to_pixels
from posthue.data.images.spec import ImageSpec
from posthue.data.text import normalise_tweet
from posthue.model.encoders.hub import image_spec, resolve
from posthue.model.export import export_graphs
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.inference.engine import Engine

TEXT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
IMAGE_ENCODER = "google/mobilenet_v2_1.0_224"
LABELS = ("negative", "neutral", "positive")
MAX_LENGTH = 128


@dataclass(frozen=True, slots=True)
class TextContest:
    """The transformers classifier and its tokenizer, the post model, and its bundle as a classifier."""

    classifier: Any
    tokenizer: Any
    model: PostModel
    posthue: PostClassifier


@dataclass(frozen=True, slots=True)
class ImageContest:
    """The transformers classifier and its processor, the post model, its bundle, and its pictures' spec."""

    classifier: Any
    processor: Any
    model: PostModel
    posthue: PostClassifier
    spec: ImageSpec


def be_quiet() -> None:
    """Keep the reports on heads that are random on purpose, and on exporting, from the screen."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)


def text_contest(folder: Path, texts: list[str], *, models: str | None, threads: int) -> TextContest:
    """Build both from MiniLM; the post model's head is centred on ``texts``, so that labels differ."""
    path = resolve(TEXT_ENCODER, models)
    tokenizer = AutoTokenizer.from_pretrained(path)
    torch.manual_seed(0)
    classifier = AutoModelForSequenceClassification.from_pretrained(path, num_labels=len(LABELS)).eval()
    encoder = classifier.base_model
    model = PostModel(_config(text_encoder=encoder.config.to_dict()))
    model.text.backbone.load_state_dict(encoder.state_dict())
    centre_head(model, torch_text_vectors(model, tokenizer, texts))
    folder.mkdir()
    precision = export_graphs(model, folder)["text"]
    shutil.copy(_tokenizer_file(tokenizer, folder), folder / "tokenizer.json")
    part = {
        "file": "text.onnx",
        "tokenizer": "tokenizer.json",
        "max_length": MAX_LENGTH,
        "pad_id": tokenizer.pad_token_id,
        "normalise": "tweet",
        "outputs": ["pooled"],
        "dim": encoder.config.hidden_size,
        "precision": precision,
    }
    return TextContest(classifier, tokenizer, model, _load(folder, threads, text=part))


def image_contest(folder: Path, paths: list[str], *, models: str | None, threads: int) -> ImageContest:
    """Build both from MobileNetV2; the post model's head is centred on the pictures at ``paths``."""
    path = resolve(IMAGE_ENCODER, models)
    processor = AutoImageProcessor.from_pretrained(path)
    torch.manual_seed(0)
    classifier = AutoModelForImageClassification.from_pretrained(
        path, num_labels=len(LABELS), ignore_mismatched_sizes=True
    ).eval()
    encoder = classifier.base_model
    model = PostModel(_config(image_encoder=encoder.config.to_dict()))
    model.image.backbone.load_state_dict(encoder.state_dict())
    spec = image_spec(processor.to_dict())
    centre_head(model, torch_image_vectors(model, spec, paths))
    folder.mkdir()
    precision = export_graphs(model, folder)["image"]
    part = {
        "file": "image.onnx",
        "spec": spec.to_dict(),
        "outputs": ["pooled"],
        "dim": model.image.dim,
        "precision": precision,
    }
    return ImageContest(classifier, processor, model, _load(folder, threads, image=part), spec)


def centre_head(model: PostModel, vectors: torch.Tensor) -> None:
    """Shift the random head so that its logits are 0 on average: else one label would take every post."""
    head = model.fusion.heads["sentiment"]
    with torch.no_grad():
        head.bias.copy_(-(vectors.mean(0) @ head.weight.T))


def torch_text_vectors(model: PostModel, tokenizer: Any, texts: list[str]) -> torch.Tensor:
    """What the post model's text encoder says of each text, in fp32: [texts, dim]."""
    found = []
    for start in range(0, len(texts), 32):
        some = [normalise_tweet(text) for text in texts[start : start + 32]]
        fed = tokenizer(some, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
        with torch.inference_mode():
            found.append(model.text.eval()(fed["input_ids"], fed["attention_mask"]).pooled)
    return torch.cat(found)


def torch_image_vectors(model: PostModel, spec: ImageSpec, paths: list[str]) -> torch.Tensor:
    """What the post model's image encoder says of each picture, in fp32: [pictures, dim]."""
    found = []
    for path in paths:
        pixels = torch.from_numpy(to_pixels(decode_image(path, spec)[None], spec))
        with torch.inference_mode():
            found.append(model.image.eval()(pixels).pooled)
    return torch.cat(found)


def torch_labels(model: PostModel, vectors: torch.Tensor) -> list[str]:
    """The labels that the post model's head gives to vectors [posts, dim]."""
    with torch.inference_mode():
        best = model.fusion.heads["sentiment"](vectors).argmax(-1)
    return [LABELS[index] for index in best.tolist()]


def _config(**encoders: dict[str, Any]) -> PostModelConfig:
    return PostModelConfig(fusion="single", schemes={"sentiment": list(LABELS)}, **encoders)


def _tokenizer_file(tokenizer: Any, folder: Path) -> Path:
    saved = folder / "saved"
    tokenizer.save_pretrained(saved)
    return saved / "tokenizer.json"


def write_config(folder: Path, **parts: dict[str, Any]) -> None:
    """Write the config.json of a bundle that is not calibrated; parts: ``text`` and ``image``."""
    config = {
        "format": 1,
        "name": "benchmark",
        "posthue_version": __version__,
        "created": "1970-01-01T00:00:00Z",
        "schemes": {"sentiment": LABELS},
        "priors": {"sentiment": [1 / 3] * 3},
        "temperatures": {"sentiment": {"both": 1.0, "text": 1.0, "image": 1.0}},
        "text": None,
        "image": None,
        "head": {"file": "head.onnx"},
        "parity": {},
        "provenance": {},
        **parts,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _load(folder: Path, threads: int, **parts: dict[str, Any]) -> PostClassifier:
    write_config(folder, **parts)
    # No cache: a post that comes again is work again.
    return PostClassifier(Engine(Bundle.open(folder), threads=threads, cache_bytes=0))
