"""Encoders: any model that AutoModel loads, seen as one vector and one sequence per input.

A text encoder gives the mean of its last hidden states over real tokens; an image encoder the spatial mean
of its last feature map (a CNN) or its class token (a vision transformer; the mean of its patches, where it
has no such token, as Swin and SigLIP). Both also give a sequence, of the
tokens or of the places of the picture, so that attention has something to attend to.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import AutoModel, PreTrainedConfig

from posthue.model.encoders import word_vectors  # noqa: F401  (registers the fastText-style model type)
from posthue.model.encoders.token_scores import TokenScores

#: Model types that run in channels-last order: depthwise convolutions train 1.4 times as fast so on CPUs. Not
#: all types, since torch 2.13 crashes in the backward pass of narrow ResNets in that order on two threads.
CHANNELS_LAST = ("mobilenet_v1", "mobilenet_v2")


class EncodedBatch(NamedTuple):
    """What an encoder says of a batch.

    pooled: [batch, dim]; sequence: [batch, length, dim]; mask: [batch, length].
    """

    pooled: Tensor
    sequence: Tensor | None = None
    mask: Tensor | None = None


def masked_mean(sequence: Tensor, mask: Tensor) -> Tensor:
    """Average [batch, length, dim] over the positions where mask [batch, length] is not zero."""
    weights = mask.to(sequence.dtype).unsqueeze(-1)
    return (sequence * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class TextEncoder(nn.Module):
    """A Hugging Face text model with mean pooling (Reimers & Gurevych 2019).

    scores: the numbers of labels of its token scores (posthue.model.encoders.token_scores), which then
    follow the backbone's vector, and every token's; none by default. dim: of the whole vector.
    """

    def __init__(self, config: PreTrainedConfig, scores: Sequence[int] = ()) -> None:
        super().__init__()
        self.backbone = AutoModel.from_config(config)
        self.scores = TokenScores(config.vocab_size, scores) if scores else None
        self.backbone_dim: int = config.hidden_size
        self.dim = self.backbone_dim + sum(scores)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> EncodedBatch:
        """Encode token ids [batch, length] under a mask of the same shape."""
        encoded = self.encode_backbone(input_ids, attention_mask)
        if self.scores is None or encoded.sequence is None:
            return encoded
        scores = self.scores(input_ids, attention_mask)
        per_token = scores.unsqueeze(1).expand(-1, input_ids.shape[1], -1)
        sequence = torch.cat([encoded.sequence, per_token], dim=-1)
        return EncodedBatch(torch.cat([encoded.pooled, scores], dim=-1), sequence, encoded.mask)

    def encode_backbone(self, input_ids: Tensor, attention_mask: Tensor) -> EncodedBatch:
        """Encode without the token scores."""
        sequence = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return EncodedBatch(masked_mean(sequence, attention_mask), sequence, attention_mask.bool())


class ImageEncoder(nn.Module):
    """A Hugging Face image model without its classifier; spatial mean of the last features.

    With a second model for tiny pictures (thumbnails, faces cut out), the prepared size of a picture decides
    which of the two reads it, and each writes its own half of the vector: a network tuned on 48-pixel faces
    and one tuned on photos would spoil each other.

    small_side: the side, in pixels, that marks a tiny picture. grid: average the sequence of places to so
    many rows and columns; 0 keeps all places. A fusion that attends says which (Fusion.grid).
    """

    def __init__(
        self, config: PreTrainedConfig, small: PreTrainedConfig | None = None, small_side: int | None = None
    ) -> None:
        super().__init__()
        self.backbone = _image_backbone(config)
        self.small = _image_backbone(small) if small else None
        self.small_side = small_side
        self.grid = 0
        self.dims = (image_dim(config), image_dim(small) if small else 0)
        self.dim = sum(self.dims)

    def forward(self, pixel_values: Tensor) -> EncodedBatch:
        """Encode pixels [batch, 3, height, width]."""
        return self.encode(
            pixel_values, tiny=self.small is not None and pixel_values.shape[-1] == self.small_side
        )

    def encode(self, pixel_values: Tensor, *, tiny: bool) -> EncodedBatch:
        """Encode with the model for tiny pictures, or the other."""
        backbone = self.small if tiny and self.small is not None else self.backbone
        encoded = _encode_picture(backbone, pixel_values, self.grid)
        padding = (self.dims[0], 0) if tiny else (0, self.dims[1])
        if padding == (0, 0):
            return encoded
        sequence = pad(encoded.sequence, padding) if encoded.sequence is not None else None
        return EncodedBatch(pad(encoded.pooled, padding), sequence, encoded.mask)


def _image_backbone(config: PreTrainedConfig) -> Any:
    """Build an image model in the memory order that suits it."""
    backbone = AutoModel.from_config(config)
    return backbone.to(memory_format=torch.channels_last) if config.model_type in CHANNELS_LAST else backbone


def _encode_picture(backbone: Any, pixel_values: Tensor, grid: int) -> EncodedBatch:
    if backbone.config.model_type in CHANNELS_LAST:
        pixel_values = pixel_values.contiguous(memory_format=torch.channels_last)
    features = backbone(pixel_values=pixel_values).last_hidden_state
    if features.dim() == 4:
        places, pooled = features, features.mean(dim=(2, 3))
    else:
        side = isqrt(features.shape[1])
        first = features.shape[1] - side * side  # class, distillation and register tokens come before patches
        places = features[:, first:].transpose(1, 2).unflatten(2, (side, side))
        pooled = features[:, 0] if first else features.mean(dim=1)
    sequence = (grid_means(places, grid) if grid else places).flatten(2).transpose(1, 2)
    mask = torch.ones(sequence.shape[:2], dtype=torch.bool, device=sequence.device)
    return EncodedBatch(pooled, sequence, mask)


def grid_means(places: Tensor, grid: int) -> Tensor:
    """Average [batch, dim, rows, columns] to [batch, dim, grid, grid].

    The same as adaptive_avg_pool2d, which cannot be exported for sizes that are not known beforehand.
    """
    rows, columns = (_cells(places.shape[axis], grid, places) for axis in (2, 3))
    return rows @ places @ columns.T


def _cells(length: int, grid: int, like: Tensor) -> Tensor:
    """Return the weights [grid, length] with which each cell takes the mean of its places."""
    number = torch.arange(grid, device=like.device).unsqueeze(1)
    first, end = number * length // grid, ((number + 1) * length + grid - 1) // grid
    place = torch.arange(length, device=like.device).unsqueeze(0)
    inside = ((place >= first) & (place < end)).to(like.dtype)
    return inside / inside.sum(dim=1, keepdim=True)


def image_dim(config: PreTrainedConfig) -> int:
    """Return the number of features that an image model of this config gives."""
    if config.model_type in ("mobilenet_v1", "mobilenet_v2"):
        base = 1280 if config.model_type == "mobilenet_v2" else 1024
        multiplier = config.depth_multiplier
        return base if multiplier <= 1.0 else int(base * multiplier)
    if hasattr(config, "hidden_sizes"):
        return int(config.hidden_sizes[-1])
    return int(config.hidden_size)
