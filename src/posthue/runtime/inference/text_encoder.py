"""Texts through the text encoder: tokenised together, batched by length, padded to the longest of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posthue.data.text import normalise_tweet
from posthue.errors import BundleError
from posthue.runtime.backends.sessions import Sessions
from posthue.runtime.bundle.config import TextPart, TunedPart
from posthue.runtime.inference.batching import MAX_ROWS, TOKEN_BUDGET, length_batches, run_all
from posthue.runtime.inference.cache import EncodedModality

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TOKENISE_AT_ONCE = 128  # an encoding keeps what was cut off too: long texts must not pile up


class TextBatchEncoder:
    """Prepares and encodes texts. Raises BundleError when the tokenizer cannot be read."""

    def __init__(self, part: TextPart, sessions: Sessions, *, with_sequence: bool) -> None:
        self._part = part
        self._sessions = sessions
        self._outputs = ("pooled", "sequence") if with_sequence else ("pooled",)
        tuned = sessions.bundle.config.runtime.parts.get("text", TunedPart())
        self._rows, self._budget = tuned.rows or MAX_ROWS, tuned.tokens or TOKEN_BUDGET
        self._tokenizer = _load_tokenizer(str(sessions.bundle.file(part.tokenizer)), part.max_length)

    def prepare(self, text: str | None) -> str:
        """Return the text as the encoder was trained on it; empty where there is nothing to read."""
        if not text:
            return ""
        return normalise_tweet(text) if self._part.normalise == "tweet" else text.strip()

    def encode(self, texts: Sequence[str]) -> list[EncodedModality]:
        """Return what the encoder says of each prepared text, in their order."""
        tokens = self._tokenise(texts)
        lengths = [len(ids) for ids in tokens]
        batches = list(length_batches(lengths, max_rows=self._rows, token_budget=self._budget))
        batches.reverse()  # the longest first: nobody waits for a long one at the end
        runs = run_all(self._sessions.streams, self._run, [[tokens[i] for i in batch] for batch in batches])
        found: dict[int, EncodedModality] = {}
        for batch, encoded in zip(batches, runs, strict=True):
            found.update(zip(batch, encoded, strict=True))
        return [found[position] for position in range(len(texts))]

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        tokens: list[list[int]] = []
        for start in range(0, len(texts), _TOKENISE_AT_ONCE):
            part = list(texts[start : start + _TOKENISE_AT_ONCE])
            encodings = self._tokenizer.encode_batch_fast(part)
            tokens.extend(encoding.ids or [self._part.pad_id] for encoding in encodings)
        return tokens

    def _run(self, tokens: Sequence[Sequence[int]], *, alone: bool) -> list[EncodedModality]:
        input_ids, mask = pad(tokens, self._part.pad_id)
        feeds = {"input_ids": input_ids, "attention_mask": mask}
        pooled, *sequence = self._sessions.text.run(feeds, self._outputs, alone=alone)
        if not sequence:
            return [EncodedModality(row.copy()) for row in pooled]
        cut = (rows[: len(ids)].copy() for rows, ids in zip(sequence[0], tokens, strict=True))
        return [EncodedModality(row.copy(), steps) for row, steps in zip(pooled, cut, strict=True)]


def pad(tokens: Sequence[Sequence[int]], pad_id: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return input_ids and attention_mask, both int64 [rows, longest]."""
    longest = max(len(ids) for ids in tokens)
    input_ids = np.full((len(tokens), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(input_ids)
    for row, ids in enumerate(tokens):
        input_ids[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    return input_ids, mask


def _load_tokenizer(path: str, max_length: int) -> Tokenizer:
    import tokenizers  # noqa: PLC0415

    try:
        tokenizer: Tokenizer = tokenizers.Tokenizer.from_file(path)
    except Exception as error:  # tokenizers raises bare Exception
        raise BundleError(f"{path} is not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
