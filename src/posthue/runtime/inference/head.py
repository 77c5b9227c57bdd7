"""The head of a bundle: from encoded modalities to calibrated probabilities, many rows in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.errors import BundleError
from posthue.numbers import softmax
from posthue.posts import State
from posthue.runtime.backends.sessions import Sessions
from posthue.runtime.inference.cache import EncodedModality

Probabilities = npt.NDArray[np.float64]
_POOLED_ROWS = 1024
_SEQUENCE_ROWS = 48


@dataclass(frozen=True, slots=True)
class Row:
    """One question to the head: what of these modalities? At least one is there."""

    text: EncodedModality | None
    image: EncodedModality | None

    @property
    def state(self) -> State:
        """Which modalities the row has."""
        if self.text is not None and self.image is not None:
            return State.BOTH
        return State.TEXT if self.text is not None else State.IMAGE


class Head:
    """Runs head.onnx on rows of any states, and calibrates each row by the temperature of its state."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._config = sessions.bundle.config

    @property
    def wants_text_sequence(self) -> bool:
        """Whether the head attends over the tokens."""
        return "text_sequence" in self._sessions.head.inputs

    @property
    def wants_image_sequence(self) -> bool:
        """Whether the head attends over the patches."""
        return "image_sequence" in self._sessions.head.inputs

    def probabilities(self, rows: Sequence[Row]) -> dict[str, Probabilities]:
        """Return, per scheme, calibrated probabilities [rows, labels]; NaN where the model gives NaN."""
        sequences = self.wants_text_sequence or self.wants_image_sequence
        step = _SEQUENCE_ROWS if sequences else _POOLED_ROWS
        parts = [self._run(rows[start : start + step]) for start in range(0, len(rows), step)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._config.schemes}

    def _run(self, rows: Sequence[Row]) -> dict[str, Probabilities]:
        logits = self._sessions.head.run(self._feeds(rows), tuple(self._config.logits.values()))
        states = [row.state for row in rows]
        found = {}
        for (name, scheme), values in zip(self._config.schemes.items(), logits, strict=True):
            if values.shape != (len(rows), len(scheme)):
                shape = f"{list(values.shape)} and not {[len(rows), len(scheme)]}"
                raise BundleError(
                    f"{self._sessions.head.path} gives {self._config.logits[name]} of shape {shape}"
                )
            temperatures = [self._config.temperatures[name][state] for state in states]
            found[name] = softmax(values, np.array(temperatures)[:, None])
        return found

    def _feeds(self, rows: Sequence[Row]) -> dict[str, npt.NDArray[Any]]:
        texts, images = [row.text for row in rows], [row.image for row in rows]
        present = np.array([[row.text is not None, row.image is not None] for row in rows])
        feeds: dict[str, npt.NDArray[Any]] = {"present": present}
        for name, column in (("text", texts), ("image", images)):
            if name in self._sessions.head.inputs:
                feeds[name] = _pooled(column, self._dims[name])
            if f"{name}_sequence" in self._sessions.head.inputs:
                feeds[f"{name}_sequence"], feeds[f"{name}_mask"] = _sequences(column, self._dims[name])
        return {name: feeds[name] for name in self._inputs}

    @cached_property
    def _inputs(self) -> list[str]:
        known = {"present", *self._dims}
        known |= {f"{name}_{kind}" for name in self._dims for kind in ("sequence", "mask")}
        unknown = [name for name in self._sessions.head.inputs if name not in known]
        if unknown:
            raise BundleError(
                f"{self._sessions.head.path} wants {', '.join(unknown)}, which nothing here gives"
            )
        return list(self._sessions.head.inputs)

    @cached_property
    def _dims(self) -> Mapping[str, int]:
        parts = {"text": self._config.text, "image": self._config.image}
        return {name: part.dim if part else self._head_dim(name) for name, part in parts.items()}

    def _head_dim(self, name: str) -> int:
        """The width that the head expects of a modality which this bundle has no encoder for."""
        for key in (name, f"{name}_sequence"):
            width = self._sessions.head.inputs.get(key, (1,))[-1]
            if not isinstance(width, int):
                raise BundleError(f"{self._sessions.head.path} does not say how wide its input {key} is")
            if key in self._sessions.head.inputs:
                return width
        return 1


def _pooled(column: Sequence[EncodedModality | None], dim: int) -> npt.NDArray[np.float32]:
    found = np.zeros((len(column), dim), dtype=np.float32)
    for row, encoded in enumerate(column):
        if encoded is not None:
            found[row] = encoded.pooled
    return found


def _sequences(
    column: Sequence[EncodedModality | None], dim: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    steps = [None if encoded is None else encoded.sequence for encoded in column]
    longest = max((len(rows) for rows in steps if rows is not None), default=1)
    padded = np.zeros((len(column), longest, dim), dtype=np.float32)
    mask = np.zeros((len(column), longest), dtype=np.bool_)
    for row, values in enumerate(steps):
        if values is not None:
            padded[row, : len(values)] = values
            mask[row, : len(values)] = True
    return padded, mask
