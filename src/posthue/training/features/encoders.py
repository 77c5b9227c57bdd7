"""Encoders by their names: a Hub id, a folder, ``glove:FILE``, or one that posthue has trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from posthue.data.images.spec import SMALL_SIDE, ImageSpec
from posthue.errors import RecipeError
from posthue.model.encoders.emoji import add_emoji
from posthue.model.encoders.encoders import ImageEncoder, TextEncoder
from posthue.model.encoders.hub import load_image_encoder, load_text_encoder
from posthue.model.encoders.word_vectors import word_tokenizer
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor

MAX_LENGTH = 128


@dataclass(frozen=True, slots=True)
class TextBackbone:
    """A text model with the tokenizer of its inputs, which are cut to so many tokens."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int


@dataclass(frozen=True, slots=True)
class ImageBackbone:
    """An image model, and how its pictures are prepared."""

    model: PreTrainedModel
    spec: ImageSpec


@dataclass(frozen=True)
class FrozenEncoder:
    """An encoder that is not trained, so that what it says can be kept.

    network: a TextEncoder or an ImageEncoder. config: of its backbone. processor: prepares its inputs.
    """

    modality: str
    network: Any
    config: Mapping[str, Any]
    processor: PostProcessor

    @classmethod
    def of(cls, model: PostModel, processor: PostProcessor, modality: str) -> FrozenEncoder:
        """Return the encoder of a whole model."""
        config = getattr(model.config, f"{modality}_encoder")
        return cls(modality, getattr(model, modality), config, processor)

    @property
    def dim(self) -> int:
        """Numbers in its vector, without token scores."""
        return int(self.network.backbone_dim if self.modality == "text" else self.network.dim)

    @cached_property
    def digest(self) -> str:
        """A name by its weights, its config and how its inputs are prepared.

        Token scores have no part in it: they are no part of what is kept.
        """
        digest = blake2b(digest_size=12)
        for name, tensor in sorted(self.network.state_dict().items()):
            if name.startswith("scores."):
                continue
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        digest.update(json.dumps(self.config, sort_keys=True, default=str).encode())
        if self.modality == "image":
            digest.update(json.dumps(self.processor.spec, sort_keys=True).encode())
        else:
            digest.update(f"{self.processor.max_length}".encode())
            self.processor.tokens([""])  # a tokenizer's description holds how it was last used
            digest.update(self.processor.tokenizer.backend_tokenizer.to_str().encode())
        return digest.hexdigest()


def load_encoder(modality: str, name: str, *, models: Path | None, data: Path | None) -> FrozenEncoder:
    """Load an encoder as it is; raise RecipeError where there is none.

    models: local copies. data: corpora, among which word vectors are looked for.
    """
    network: TextEncoder | ImageEncoder
    if modality == "text":
        text = load_text(name, models=models, data=data)
        network, backbone = TextEncoder(text.model.config), text.model
        processor = PostProcessor(text.tokenizer, None, text.max_length)
    else:
        image = load_image(name, models=models)
        network, backbone = ImageEncoder(image.model.config), image.model
        processor = PostProcessor(word_tokenizer([]), image.spec.to_dict())
    network.backbone.load_state_dict(backbone.state_dict())
    return FrozenEncoder(modality, network.eval(), backbone.config.to_dict(), processor)


def load_text(
    name: str,
    *,
    models: Path | None,
    data: Path | None,
    emoji: bool = True,
    max_length: int = MAX_LENGTH,
) -> TextBackbone:
    """Load a text model.

    emoji, max_length: of a new one; see posthue.training.recipes.schema.Stage. A trained one has its own.
    """
    if (folder := _trained_folder(name)) is not None:
        processor = PostProcessor.from_pretrained(folder)
        return TextBackbone(_backbone(folder, "text"), processor.tokenizer, processor.max_length)
    model, tokenizer = load_text_encoder(name, models=models, data=data)
    if emoji:
        add_emoji(model, tokenizer)
    return TextBackbone(model, tokenizer, max_length)


def load_image(name: str, *, models: Path | None, small_size: int | None = SMALL_SIDE) -> ImageBackbone:
    """Load an image model. small_size: of a new one that takes pictures of any size."""
    if (folder := _trained_folder(name)) is not None:
        return ImageBackbone(_backbone(folder, "image"), PostProcessor.from_pretrained(folder).image_spec)
    model, spec = load_image_encoder(name, models=models)
    one_size = hasattr(model.config, "patch_size")  # a vision transformer
    return ImageBackbone(model, replace(spec, small_size=None if one_size else small_size))


def _trained_folder(name: str) -> Path | None:
    """Return the folder of a trained post model, if that is what a name is."""
    try:
        config = json.loads((Path(name) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    trained = isinstance(config, dict) and config.get("model_type") == PostModelConfig.model_type
    return Path(name) if trained else None


def _backbone(folder: Path, modality: str) -> PreTrainedModel:
    encoder = getattr(PostModel.from_pretrained(folder), modality)
    if encoder is None:
        raise RecipeError(f"the model in {folder} has no {modality} encoder to start from")
    backbone: PreTrainedModel = encoder.backbone
    return backbone
