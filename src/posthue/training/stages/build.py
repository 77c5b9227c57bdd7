"""Build the model and processor of a stage: new encoders, or parts of earlier stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from posthue.errors import RecipeError
from posthue.labels import SCHEMES
from posthue.model.encoders.emoji import add_emoji
from posthue.model.encoders.hub import load_image_encoder, load_text_encoder
from posthue.model.encoders.word_vectors import word_tokenizer
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.schema import Stage

STAGE_PREFIX = "stage:"


@dataclass(frozen=True, slots=True)
class StageModel:
    """The model of a stage, and the processor of its inputs."""

    model: PostModel
    processor: PostProcessor

    @classmethod
    def load(cls, folder: Path) -> StageModel:
        """Read both from the folder of a trained stage."""
        return cls(PostModel.from_pretrained(folder), PostProcessor.from_pretrained(folder))

    def save(self, folder: Path) -> None:
        """Write both into one folder."""
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The label schemes that it predicts."""
        return tuple(self.model.config.schemes)

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it can encode."""
        return tuple(name for name in ("text", "image") if getattr(self.model, name) is not None)


def build(stage: Stage, schemes: tuple[str, ...], folders: Folders) -> StageModel:
    """Return the model and processor with which a stage starts."""
    text, tokenizer, max_length = _text_part(stage, folders)
    image, spec = _image_part(stage.image, stage, folders)
    small, _ = _image_part(stage.small_image, stage, folders)
    config = PostModelConfig(
        text_encoder=text.config.to_dict() if text is not None else None,
        image_encoder=image.config.to_dict() if image is not None else None,
        small_image_encoder=small.config.to_dict() if small is not None else None,
        small_side=stage.small_size if small is not None else None,
        token_scores=list(stage.token_scores),
        fusion=stage.fusion,
        fusion_options=dict(stage.fusion_options),
        schemes={name: list(SCHEMES[name].labels) for name in schemes},
    )
    model = PostModel(config)
    starts = (("text.backbone", text), ("image.backbone", image), ("image.small", small))
    for name, backbone in starts:
        if backbone is not None:
            model.get_submodule(name).load_state_dict(backbone.state_dict())
    if stage.start:
        own = model.state_dict()
        weights = PostModel.from_pretrained(folders.stage_model(stage.start)).state_dict()
        same = {n: w for n, w in weights.items() if n in own and own[n].shape == w.shape}
        model.load_state_dict(same, strict=False)
    model.freeze(*stage.freeze)
    return StageModel(model, PostProcessor(tokenizer or word_tokenizer([]), spec, max_length))


def trained_folder(name: str, folders: Folders) -> Path | None:
    """Return the folder of a trained model that an encoder is named by: ``stage:NAME``, or the folder."""
    if name.startswith(STAGE_PREFIX):
        return folders.stage_model(name.removeprefix(STAGE_PREFIX))
    try:
        config = json.loads((Path(name) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(config, dict) and config.get("model_type") == PostModelConfig.model_type
    return Path(name) if ours else None


def _text_part(stage: Stage, folders: Folders) -> tuple[PreTrainedModel | None, Any, int]:
    if stage.text is None:
        return None, None, stage.max_length
    path = trained_folder(stage.text, folders)
    if path is not None:
        trained = StageModel.load(path)
        return _part(trained, "text", path), trained.processor.tokenizer, trained.processor.max_length
    backbone, tokenizer = load_text_encoder(stage.text, models=folders.models, data=folders.data)
    if stage.emoji:
        add_emoji(backbone, tokenizer)
    return backbone, tokenizer, stage.max_length


def _image_part(
    name: str | None, stage: Stage, folders: Folders
) -> tuple[PreTrainedModel | None, dict[str, Any] | None]:
    if name is None:
        return None, None
    path = trained_folder(name, folders)
    if path is not None:
        trained = StageModel.load(path)
        spec: dict[str, Any] = trained.processor.spec
        if name.startswith(STAGE_PREFIX):
            _check_small_size(stage, name, spec)
        return _part(trained, "image", path), spec
    backbone, image_spec = load_image_encoder(name, models=folders.models)
    one_size = hasattr(backbone.config, "patch_size")  # a vision transformer
    return backbone, replace(image_spec, small_size=None if one_size else stage.small_size).to_dict()


def _check_small_size(stage: Stage, name: str, spec: Mapping[str, Any]) -> None:
    """Raise RecipeError if tiny pictures would come in another size than the encoder was trained on."""
    trained = spec.get("small_size")
    if trained is not None and trained != stage.small_size:
        raise RecipeError(
            f"stage {stage.name!r}: the encoder of {name} was trained with small_size: {trained}, "
            f"and here it is {stage.small_size}: write small_size: {trained}"
        )


def _part(trained: StageModel, modality: str, path: Path) -> PreTrainedModel:
    encoder = getattr(trained.model, modality)
    if encoder is None:
        raise RecipeError(f"the model in {path} has no {modality} encoder to start from")
    backbone: PreTrainedModel = encoder.backbone
    return backbone
