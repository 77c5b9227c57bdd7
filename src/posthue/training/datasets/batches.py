"""Make a dataset ready for batches: token lengths, picture sizes, row numbers, and what may share a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset, disable_progress_bars
from torch import Tensor

from posthue.data.text import normalise_tweet
from posthue.model.post_model import LABEL_PREFIX
from posthue.model.processor import PostProcessor
from posthue.posts import State
from posthue.training.datasets.augment import augment
from posthue.training.datasets.rows import is_small, post_of
from posthue.training.datasets.unreadable import Row

Features = Mapping[str, npt.NDArray[np.float32]]


def prepare(dataset: Dataset, processor: PostProcessor) -> Dataset:
    """Fill the columns row, length and small."""
    small_size = processor.image_spec.small_size
    texts = [normalise_tweet(text) if text else "" for text in dataset["text"]]
    tokens = processor.tokenizer(texts, truncation=True, max_length=processor.max_length)["input_ids"]
    lengths = [len(ids) if text else 0 for ids, text in zip(tokens, texts, strict=True)]
    small = [is_small(row, small_size) for row in dataset.select_columns(["image_path", "image_bytes"])]
    columns = {"row": list(range(len(dataset))), "length": lengths, "small": small}
    disable_progress_bars()
    filled = dataset.remove_columns(list(columns))
    for name, values in columns.items():
        filled = filled.add_column(name, values)
    return filled


def batch_kinds(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Number the kinds of rows that may share a batch [rows]: has text, has image, small image."""
    text = np.array([length > 0 for length in dataset["length"]], dtype=np.int64)
    pairs = zip(dataset["image_path"], dataset["image_bytes"], strict=True)
    image = np.array([path is not None or raw is not None for path, raw in pairs], dtype=np.int64)
    return text + 2 * image + 4 * np.array(dataset["small"], dtype=np.int64)


def row_states(dataset: Dataset) -> list[State]:
    """Return which modalities each row of a prepared dataset has."""
    states = {1: State.TEXT, 2: State.IMAGE, 3: State.BOTH}
    return [states[int(kind) & 3] for kind in batch_kinds(dataset)]


class Collator:
    """Rows to the model's inputs, with weights and the targets of some schemes.

    features: ``text`` or ``image`` → array [rows, dim] made earlier by a frozen encoder; it replaces the
    inputs of that encoder. pictures are augmented if ``augmented``.
    """

    def __init__(
        self,
        processor: PostProcessor,
        schemes: Iterable[str],
        *,
        features: Features | None = None,
        augmented: bool = False,
    ) -> None:
        self.processor = processor
        self.targets = [LABEL_PREFIX + scheme for scheme in schemes]
        self.features = features or {}
        self.augmented = augmented

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """Return one batch."""
        posts = [post_of(row) for row in rows]
        batch = self.processor(posts, skip=tuple(self.features))
        if self.augmented and "pixel_values" in batch:
            batch["pixel_values"] = augment(batch["pixel_values"])
        numbers = [row["row"] for row in rows]
        batch |= {
            f"{name}_features": torch.from_numpy(values[numbers]) for name, values in self.features.items()
        }
        batch |= {name: _column(rows, name) for name in self.targets}
        return batch | {"weight": _column(rows, "weight")}


def _column(rows: Sequence[Row], name: str) -> Tensor:
    values: list[Any] = [row[name] for row in rows]
    return torch.tensor(values, dtype=torch.float32)
