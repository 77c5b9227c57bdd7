"""Image benchmarks as lists of "path,class", as Serra et al. 2023 (arXiv 2304.14942) distribute them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from posthue.data.corpora.base import Example
from posthue.data.corpora.reading import mapped_label, pictures_in, read_lines, subfolders
from posthue.errors import CorpusError, LabelError
from posthue.labels import polarity, scheme
from posthue.posts import Post

#: These benchmarks know two classes: 0 is negative; positive is 1 in some lists and 2 in others.
POLARITIES: Mapping[str, str] = {
    **{"0": "negative", "1": "positive", "2": "positive"},
    **{"negative": "negative", "positive": "positive"},
}


def image_root(folder: Path, *names: str) -> Path:
    """Return the first of the subfolders ``names`` that exists, else ``folder`` itself."""
    return next((folder / name for name in names if (folder / name).is_dir()), folder)


def read_list(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, image path and class of a csv "path,class", or of a text file "path class"."""
    for line, row in enumerate(read_lines(path), start=1):
        if not row.strip() or (line == 1 and row.strip().lower().replace(" ", "") == "path,class"):
            continue
        fields = next(csv.reader([row])) if path.suffix == ".csv" else row.rsplit(maxsplit=1)
        if len(fields) != 2:
            raise CorpusError(f"{path}, line {line}: expected path and class and found {row!r}")
        yield line, fields[0].strip().replace("\\", "/"), fields[1].strip()


def polar_examples(path: Path, images: Path) -> list[Example]:
    """Return the examples of a list whose class is a polarity."""
    return [
        Example(Post(image=images / image, id=image), {"sentiment": (_polarity(mark, path, line),)})
        for line, image, mark in read_list(path)
    ]


def emotion_examples(path: Path, images: Path, scheme_name: str) -> list[Example]:
    """Return the examples of a list EMOTION/FILE,class: the emotion is the folder, the class its polarity.

    The class may be the emotion itself, for lists without folders.
    """
    examples = []
    for line, image, mark in read_list(path):
        emotion = _emotion(image, mark, scheme_name)
        if emotion is None:
            known = ", ".join(scheme(scheme_name).labels)
            raise LabelError(f"{path}, line {line}: {image!r} is in no folder of {known}")
        sentiment = None if mark.lower() == emotion else _polarity(mark, path, line)
        examples.append(_labelled(images / image, image, scheme_name, emotion, sentiment))
    return examples


def tree_examples(images: Path, scheme_name: str) -> list[Example]:
    """Return the examples of a folder tree EMOTION/FILE, files in the order of their numbers or names."""
    return [
        _labelled(path, f"{folder.name}/{path.name}", scheme_name, folder.name.lower(), None)
        for folder in subfolders(images)
        if folder.name.lower() in scheme(scheme_name).labels
        for path in pictures_in(folder)
    ]


def _emotion(image: str, mark: str, scheme_name: str) -> str | None:
    candidates = (mark.lower(), *(part.lower() for part in reversed(Path(image).parts[:-1])))
    return next((name for name in candidates if name in scheme(scheme_name).labels), None)


def _labelled(path: Path, post_id: str, scheme_name: str, emotion: str, sentiment: str | None) -> Example:
    labels = {scheme_name: (emotion,), "sentiment": (sentiment or polarity(scheme_name, emotion),)}
    return Example(Post(image=path, id=post_id), labels)


def _polarity(mark: str, path: Path, line: int) -> str:
    return mapped_label(POLARITIES, mark, path, line)
