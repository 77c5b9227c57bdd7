"""Build the model and processor of a stage: new encoders, or parts of earlier stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posthue.errors import RecipeError
from posthue.labels import SCHEMES
from posthue.model.encoders.word_vectors import word_tokenizer
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor
from posthue.training.features.encoders import ImageBackbone, TextBackbone, load_image, load_text
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
    text = _text(stage, folders)
    image, small = (_image(name, stage, folders) for name in (stage.image, stage.small_image))
    config = PostModelConfig(
        text_encoder=text.model.config.to_dict() if text is not None else None,
        image_encoder=image.model.config.to_dict() if image is not None else None,
        small_image_encoder=small.model.config.to_dict() if small is not None else None,
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
            model.get_submodule(name).load_state_dict(backbone.model.state_dict())
    if stage.start:
        own = model.state_dict()
        weights = PostModel.from_pretrained(folders.stage_model(stage.start)).state_dict()
        same = {n: w for n, w in weights.items() if n in own and own[n].shape == w.shape}
        model.load_state_dict(same, strict=False)
    model.freeze(*stage.freeze)
    processor = PostProcessor(
        text.tokenizer if text else word_tokenizer([]),
        image.spec.to_dict() if image else None,
        text.max_length if text else stage.max_length,
    )
    return StageModel(model, processor)


def _text(stage: Stage, folders: Folders) -> TextBackbone | None:
    if stage.text is None:
        return None
    return load_text(
        _located(stage.text, folders),
        models=folders.models,
        data=folders.data,
        emoji=stage.emoji,
        max_length=stage.max_length,
    )


def _image(name: str | None, stage: Stage, folders: Folders) -> ImageBackbone | None:
    if name is None:
        return None
    image = load_image(_located(name, folders), models=folders.models, small_size=stage.small_size)
    if name.startswith(STAGE_PREFIX):
        _check_small_size(stage, name, image.spec.small_size)
    return image


def _located(name: str, folders: Folders) -> str:
    """Return the name of an encoder, with ``stage:NAME`` as the folder of that stage's model."""
    if not name.startswith(STAGE_PREFIX):
        return name
    return str(folders.stage_model(name.removeprefix(STAGE_PREFIX)))


def _check_small_size(stage: Stage, name: str, trained: int | None) -> None:
    """Raise RecipeError if tiny pictures would come in another size than the encoder was trained on."""
    if trained is not None and trained != stage.small_size:
        raise RecipeError(
            f"stage {stage.name!r}: the encoder of {name} was trained with small_size: {trained}, "
            f"and here it is {stage.small_size}: write small_size: {trained}"
        )
