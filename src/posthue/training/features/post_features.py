"""Encoded posts with their labels: what a head is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.model.encoders.encoders import EncodedBatch
from posthue.training.features.store import Ragged

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PostFeatures:
    """Encoded posts with their labels.

    text, image: pooled vectors [n, dim], or None for no such encoder. present: bool [n, 2] (text, image).
    targets: scheme → label distribution [n, labels]. text_sequence, image_sequence: for attention.
    extra: further numbers about each text [n, k], which ``with_extra`` puts beside its vector.
    """

    text: Tensor | None
    image: Tensor | None
    present: Tensor
    targets: Mapping[str, Tensor]
    text_sequence: Ragged | None = None
    image_sequence: Ragged | None = None
    extra: Tensor | None = None

    def __len__(self) -> int:
        return len(self.present)

    def select(self, rows: Sequence[int] | Ints) -> PostFeatures:
        """Return some of the posts, in the order of ``rows``."""
        rows = np.asarray(rows, dtype=np.int64)
        index = torch.from_numpy(rows)
        return PostFeatures(
            text=self.text[index] if self.text is not None else None,
            image=self.image[index] if self.image is not None else None,
            present=self.present[index],
            targets={scheme: values[index] for scheme, values in self.targets.items()},
            text_sequence=self.text_sequence.select(rows) if self.text_sequence else None,
            image_sequence=self.image_sequence.select(rows) if self.image_sequence else None,
            extra=self.extra[index] if self.extra is not None else None,
        )

    def only(self, modality: str) -> PostFeatures:
        """Return the posts as a model of one encoder sees them."""
        if modality == "text":
            return replace(self, image=None, image_sequence=None)
        return replace(self, text=None, text_sequence=None)

    def with_extra(self) -> PostFeatures:
        """Return the posts with ``extra`` as a part of the text's vector, and of each of its tokens."""
        if self.extra is None or self.text is None:
            return self
        sequence = self.text_sequence.widened(self.extra.numpy()) if self.text_sequence else None
        text = torch.cat([self.text, self.extra], 1)
        return replace(self, text=text, text_sequence=sequence, extra=None)

    def batch(self, rows: Ints, *, sequences: bool) -> tuple[EncodedBatch | None, EncodedBatch | None]:
        """Return text and image of some posts as the encoders would give them."""
        index = torch.from_numpy(rows)
        pairs = ((self.text, self.text_sequence), (self.image, self.image_sequence))
        text, image = (
            None if pooled is None else _encoded(pooled[index], ragged if sequences else None, rows)
            for pooled, ragged in pairs
        )
        return text, image


#: What whole posts, text alone and image alone show of (text, image).
SHOWN = ((True, True), (True, False), (False, True))


def views(posts: PostFeatures) -> list[tuple[Tensor, Tensor]]:
    """List whole posts, text alone and image alone as (present [n, 2], the rows that have what is shown)."""
    able = torch.tensor([posts.text is not None, posts.image is not None])
    found = [posts.present & able & torch.tensor(mask) for mask in SHOWN]
    return [(present, present.any(1)) for present in found]


def _encoded(pooled: Tensor, ragged: Ragged | None, rows: Ints) -> EncodedBatch:
    return EncodedBatch(pooled) if ragged is None else EncodedBatch(pooled, *ragged.padded(rows))
