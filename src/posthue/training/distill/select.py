"""Stage 1: posts in the language, with a picture, not reposts, of enough words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from posthue.data.language import detect_language
from posthue.data.text import count_words
from posthue.errors import InputError
from posthue.training.distill.crowd_posts import Raw
from posthue.training.distill.recipe import Select
from posthue.training.distill.store import POSTS, Kept, StageWriter, chunks

_REPOST = re.compile(r"\s*RT @")


def select_posts(raw: Iterable[Raw], settings: Select, target: Path) -> Kept:
    """Write the posts that are taken; return how many, and why the others were not."""
    kept = Kept()
    with StageWriter(target, POSTS) as writer:
        for chunk in chunks(_taken(raw, settings, kept)):
            writer.write(_batch(chunk))
            kept.add(len(chunk))
    return kept


def refusal(raw: Raw, settings: Select) -> str | None:
    """Return why a post is not taken, the quickest reason first; None if it is."""
    text = raw.post.text
    if not text or (settings.image and raw.post.image is None and raw.fingerprint is None):
        return "no text or no picture"
    if not settings.reposts and (raw.is_repost or _REPOST.match(text)):
        return "a repost"
    if count_words(text) < settings.min_words:
        return f"fewer than {settings.min_words} words"
    if settings.language and (raw.language or detect_language(text)) != settings.language:
        return f"not in {settings.language}"
    if settings.image and raw.fingerprint is None and _is_missing(raw):
        return "the picture's file is missing"
    return None


def _taken(raw: Iterable[Raw], settings: Select, kept: Kept) -> Iterator[Raw]:
    for item in raw:
        reason = refusal(item, settings)
        if reason is None:
            yield item
        else:
            kept.drop(reason)


def _is_missing(raw: Raw) -> bool:
    image = raw.post.image
    return isinstance(image, str | Path) and not Path(image).is_file()


def _batch(chunk: Iterable[Raw]) -> pa.RecordBatch:
    rows = [
        {
            "id": raw.post.id,
            "text": _encodable(raw.post.text or ""),
            "image_path": str(raw.post.image) if isinstance(raw.post.image, str | Path) else None,
            "image_bytes": raw.post.image if isinstance(raw.post.image, bytes) else None,
            "fingerprint": raw.fingerprint,
        }
        for raw in chunk
    ]
    try:
        return pa.RecordBatch.from_pylist(rows, schema=POSTS)
    except pa.ArrowInvalid as error:
        raise InputError(f"a fingerprint is 64 bytes: {error}") from None


def _encodable(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
