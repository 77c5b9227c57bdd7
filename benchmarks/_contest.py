"""One post model with a trained head, and everybody who predicts with its weights: pipelines, torch, posthue.

Two pairs of encoders: ``small`` is MiniLM and MobileNetV2 with their published weights; ``large`` is
DistilBERT and ViT-B/16 with random weights, which cost what trained ones cost. Heads and fusion are trained
on posts that are not measured: a random head has hardly a margin, and its labels flip at every rounding.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

from _same_weights import IMAGE_ENCODER, LABELS, MAX_LENGTH, TEXT_ENCODER, write_config
from posthue import Post, PostClassifier
from posthue.data.images.decode import decode_image, to_pixels
from posthue.data.images.spec import ImageSpec
from posthue.data.text import normalise_tweet
from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.encoders.hub import image_spec, resolve
from posthue.model.export import export_graphs
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.inference.encoding import CACHE_BYTES
from posthue.runtime.inference.engine import Engine
from posthue.training.export.bundle import token_batches

_STEPS = 300
KINDS = ("text", "image", "both")
_STATES = {"text": [True, False], "image": [False, True], "both": [True, True]}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Posts of both modalities, and the number of each one's label."""

    texts: list[str]
    pictures: list[str]
    labels: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Transformers' two classifiers with what they need, our model in torch, and the folder of its bundle."""

    text: Any
    tokenizer: Any
    image: Any
    processor: Any
    model: PostModel
    spec: ImageSpec
    folder: Path
    threads: int

    def posthue(self, *, cache: bool) -> PostClassifier:
        """Our classifier; without a cache, a post that comes again is work again."""
        engine = Engine(
            Bundle.open(self.folder), threads=self.threads, cache_bytes=CACHE_BYTES if cache else 0
        )
        return PostClassifier(engine)

    def expected(self, kind: str, posts: Sequence[Post]) -> list[str]:
        """The labels of the torch model in fp32."""
        vectors = encoded(self, posts, kind)
        with torch.inference_mode():
            best = _logits(self.model, *vectors, kind=kind).argmax(-1)
        return [LABELS[index] for index in best.tolist()]


def contest(pair: str, folder: Path, training: Labelled, *, models: str | None, threads: int) -> Contest:
    """Build the encoders of a pair, train fusion and heads on ``training``, and export the bundle."""
    torch.manual_seed(0)
    text, tokenizer, image, processor = (_small if pair == "small" else _large)(models)
    configs = {name: part.base_model.config.to_dict() for name, part in (("text", text), ("image", image))}
    model = PostModel(
        PostModelConfig(
            fusion="joint",
            schemes={"sentiment": list(LABELS)},
            **{f"{name}_encoder": config for name, config in configs.items()},
        )
    )
    for ours, theirs in ((model.text, text), (model.image, image)):
        missing = ours.backbone.load_state_dict(theirs.base_model.state_dict(), strict=False)
        if any("pooler" not in name for name in missing.missing_keys):
            raise AssertionError(f"weights that are not there: {missing.missing_keys}")
    found = Contest(text, tokenizer, image, processor, model.eval(), _spec(processor), folder, threads)
    _train(found, training)
    _export(found, training)
    return found


def _small(models: str | None) -> tuple[Any, Any, Any, Any]:
    text_path, image_path = resolve(TEXT_ENCODER, models), resolve(IMAGE_ENCODER, models)
    text = AutoModelForSequenceClassification.from_pretrained(text_path, num_labels=len(LABELS)).eval()
    image = AutoModelForImageClassification.from_pretrained(
        image_path, num_labels=len(LABELS), ignore_mismatched_sizes=True
    ).eval()
    return (
        text,
        AutoTokenizer.from_pretrained(text_path),
        image,
        AutoImageProcessor.from_pretrained(image_path),
    )


def _large(models: str | None) -> tuple[Any, Any, Any, Any]:
    """DistilBERT's vocabulary is BERT's, and so is MiniLM's: its tokenizer serves."""
    tokenizer = AutoTokenizer.from_pretrained(resolve(TEXT_ENCODER, models))
    text = DistilBertForSequenceClassification(DistilBertConfig(num_labels=len(LABELS))).eval()
    image = ViTForImageClassification(ViTConfig(num_labels=len(LABELS))).eval()
    processor = ViTImageProcessorPil(size={"height": 224, "width": 224})
    return text, tokenizer, image, processor


def _spec(processor: Any) -> ImageSpec:
    return image_spec(processor.to_dict())


def encoded(
    found: Contest, posts: Sequence[Post], kind: str
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The vectors [posts, dim] of the torch encoders, in fp32."""
    texts = _text_vectors(found, [post.text or "" for post in posts]) if kind != "image" else None
    images = _image_vectors(found, [post.image for post in posts]) if kind != "text" else None
    return texts, images


def _text_vectors(found: Contest, texts: Sequence[str]) -> torch.Tensor:
    vectors = []
    for start in range(0, len(texts), 32):
        some = [normalise_tweet(text) for text in texts[start : start + 32]]
        fed = found.tokenizer(some, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
        with torch.inference_mode():
            vectors.append(found.model.text(fed["input_ids"], fed["attention_mask"]).pooled)
    return torch.cat(vectors)


def _image_vectors(found: Contest, sources: Sequence[Any]) -> torch.Tensor:
    vectors = []
    for source in sources:
        pixels = torch.from_numpy(to_pixels(decode_image(source, found.spec)[None], found.spec))
        with torch.inference_mode():
            vectors.append(found.model.image(pixels).pooled)
    return torch.cat(vectors)


def _logits(
    model: PostModel, texts: torch.Tensor | None, images: torch.Tensor | None, *, kind: str
) -> torch.Tensor:
    rows = len(texts if texts is not None else images)
    zeros = {name: torch.zeros(rows, getattr(model, name).dim) for name in ("text", "image")}
    present = torch.tensor([_STATES[kind]]).expand(rows, 2)
    text = EncodedBatch(texts if texts is not None else zeros["text"])
    image = EncodedBatch(images if images is not None else zeros["image"])
    return model.fusion(text, image, present).logits["sentiment"]


def _train(found: Contest, training: Labelled) -> None:
    """Fit fusion and heads on the vectors of all three states."""
    posts = [Post(text=t, image=i) for t, i in zip(training.texts, training.pictures, strict=True)]
    texts, images = (v.clone() for v in encoded(found, posts, "both"))
    labels = torch.tensor(training.labels)
    optimiser = torch.optim.AdamW(found.model.fusion.parameters(), lr=3e-3, weight_decay=0.01)
    found.model.fusion.train()
    for _ in range(_STEPS):
        loss = sum(
            torch.nn.functional.cross_entropy(_logits(found.model, texts, images, kind=kind), labels)
            for kind in KINDS
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found.model.eval()


def _export(found: Contest, training: Labelled) -> None:
    found.folder.mkdir(parents=True)
    processor = PostProcessor(found.tokenizer, found.spec.to_dict(), MAX_LENGTH)
    calibration = token_batches(processor, training.texts[:256])
    precisions = export_graphs(found.model, found.folder, calibration=calibration)
    found.tokenizer.save_pretrained(found.folder / "saved")
    shutil.copy(found.folder / "saved" / "tokenizer.json", found.folder / "tokenizer.json")
    write_config(
        found.folder,
        text={
            "file": "text.onnx",
            "tokenizer": "tokenizer.json",
            "max_length": MAX_LENGTH,
            "pad_id": found.tokenizer.pad_token_id,
            "normalise": "tweet",
            "outputs": ["pooled"],
            "dim": found.model.text.dim,
            "precision": precisions["text"],
        },
        image={
            "file": "image.onnx",
            "spec": found.spec.to_dict(),
            "outputs": ["pooled"],
            "dim": found.model.image.dim,
            "precision": precisions["image"],
        },
    )
