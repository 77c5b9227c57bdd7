"""The post model: a text encoder, an image encoder, a fusion, and one head per label scheme.

It is a transformers PreTrainedModel: ``save_pretrained`` and ``from_pretrained`` round-trip, and the
Trainer trains it. Either encoder may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch, ImageEncoder, TextEncoder
from posthue.model.fusion import FusionOutput, FusionSettings, Targets, make_fusion

LABEL_PREFIX = "labels_"


class PostModelConfig(PreTrainedConfig):
    """What the post model is made of.

    text_encoder, image_encoder: the encoder's own config as a dict (with model_type), or None.
    small_image_encoder, small_side: a second image encoder, for pictures of this side in pixels, or None.
    token_scores: schemes for which the text encoder has token scores (posthue.model.encoders.token_scores),
    in order.
    fusion: its kind. fusion_options: its settings. schemes: scheme → labels in order.
    """

    model_type = "posthue-post"

    def __init__(
        self,
        text_encoder: dict[str, Any] | None = None,
        image_encoder: dict[str, Any] | None = None,
        small_image_encoder: dict[str, Any] | None = None,
        small_side: int | None = None,
        token_scores: Sequence[str] = (),
        fusion: str = "joint",
        fusion_options: dict[str, Any] | None = None,
        schemes: dict[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.small_image_encoder = small_image_encoder
        self.small_side = small_side
        self.token_scores = list(token_scores)
        self.fusion = fusion
        self.fusion_options = fusion_options or {}
        self.schemes = {name: list(labels) for name, labels in (schemes or {}).items()}
        super().__init__(**kwargs)


@dataclass
class PostModelOutput(ModelOutput):
    """logits: scheme → [batch, labels]; auxiliary: the fusion's own loss; states: logits per asked state."""

    logits: dict[str, Tensor] | None = None
    auxiliary: Tensor | None = None
    states: list[dict[str, Tensor]] | None = None


class PostModel(PreTrainedModel):
    """Predict posts. See ``forward`` for the inputs."""

    config_class = PostModelConfig
    base_model_prefix = "post"
    main_input_name = "present"

    def __init__(self, config: PostModelConfig) -> None:
        super().__init__(config)
        if not config.text_encoder and not config.image_encoder:
            raise RecipeError("a post model wants a text encoder, an image encoder, or both")
        self.text = _text_encoder(config) if config.text_encoder else None
        self.image = _image_encoder(config) if config.image_encoder else None
        self.fusion = make_fusion(config.fusion, fusion_settings(config, self.text, self.image))
        if self.image is not None:
            self.image.grid = self.fusion.grid
        self.frozen: frozenset[str] = frozenset()
        self.post_init()

    def freeze(self, *parts: str) -> None:
        """Keep parts as they are in training: text, image (a whole encoder), embeddings, batchnorm.

        A frozen encoder runs without dropout; frozen batch norm keeps its running statistics and trains the
        rest, which small batches and unlike sets of pictures (photos, faces) need.
        """
        self.frozen = frozenset(parts)
        for module in self._frozen_modules():
            module.requires_grad_(requires_grad=False)
        if "embeddings" in parts and self.text is not None:
            self.text.backbone.get_input_embeddings().requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> PostModel:  # noqa: FBT001, FBT002
        """Set training mode, except in what is frozen."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        if "batchnorm" in self.frozen and self.image is not None:
            for module in self.image.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def _frozen_modules(self) -> list[nn.Module]:
        parts = {"text": self.text, "image": self.image}
        return [m for name, m in parts.items() if name in self.frozen and m is not None]

    def _init_weights(self, module: nn.Module) -> None:
        """Leave every module as its own constructor made it; the encoders bring their own weights."""

    def encode(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        text_features: Tensor | None = None,
        image_features: Tensor | None = None,
    ) -> tuple[EncodedBatch | None, EncodedBatch | None]:
        """Encode what is given; features [batch, dim] made earlier by a frozen encoder replace its inputs."""
        text = EncodedBatch(text_features) if text_features is not None else None
        image = EncodedBatch(image_features) if image_features is not None else None
        if text is None and input_ids is not None and self.text is not None:
            text = _as_float(self.text(input_ids, attention_mask))
        if image is None and pixel_values is not None and self.image is not None:
            image = _as_float(self.image(pixel_values))
        return text, image

    def forward(
        self,
        present: Tensor,
        states: Tensor | None = None,
        targets: Targets | None = None,
        **inputs: Tensor | None,
    ) -> PostModelOutput:
        """Return the logits of every scheme.

        present: bool [batch, 2] (text, image). Inputs, each optional: input_ids and attention_mask
        [batch, length]; pixel_values [batch, 3, height, width]; text_features, image_features [batch, dim].
        Rows of an absent modality may hold anything; they are masked. states: bool [states, batch, 2], other
        values of ``present`` to fuse the same encoded posts under; the first is that of ``logits`` and of
        ``auxiliary``. targets: scheme → [batch, labels], for a fusion with a loss of its own.
        """
        text, image = self.encode(**inputs)
        views = [present] if states is None else list(states)
        fused: list[FusionOutput] = [self.fusion(text, image, view, targets) for view in views]
        return PostModelOutput(
            logits=fused[0].logits, auxiliary=fused[0].loss, states=[f.logits for f in fused]
        )


def _as_float(encoded: EncodedBatch) -> EncodedBatch:
    sequence = encoded.sequence.float() if encoded.sequence is not None else None
    return EncodedBatch(encoded.pooled.float(), sequence, encoded.mask)


def _encoder_config(values: Mapping[str, Any]) -> PreTrainedConfig:
    values = dict(values)
    return AutoConfig.for_model(values.pop("model_type"), **values)


def _text_encoder(config: PostModelConfig) -> TextEncoder:
    sizes = [len(config.schemes[scheme]) for scheme in config.token_scores]
    return TextEncoder(_encoder_config(config.text_encoder or {}), sizes)


def _image_encoder(config: PostModelConfig) -> ImageEncoder:
    small = config.small_image_encoder
    return ImageEncoder(
        _encoder_config(config.image_encoder or {}),
        _encoder_config(small) if small else None,
        config.small_side,
    )


def fusion_settings(
    config: PostModelConfig, text: TextEncoder | None, image: ImageEncoder | None
) -> FusionSettings:
    """Collect what the fusion of this model is built from."""
    return FusionSettings(
        text_dim=text.dim if text is not None else None,
        image_dim=image.dim if image is not None else None,
        schemes={name: len(labels) for name, labels in config.schemes.items()},
        options=config.fusion_options,
    )


AutoConfig.register(PostModelConfig.model_type, PostModelConfig, exist_ok=True)
