"""What a corpus is, and the registry that finds one by its name.

A reader is one function per public layout: it gets the folder and returns the splits. It is registered
with a CorpusInfo, which is all that a user sees of it, and the marks by which its folder is recognised.

>>> corpus = load_corpus("tweeteval-sentiment", "data")  # doctest: +SKIP
>>> corpus.splits["train"][0].labels  # doctest: +SKIP
{'sentiment': ('neutral',)}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias, overload

from posthue.errors import CorpusError, choices
from posthue.labels import SCHEMES, LabelScheme
from posthue.posts import Modality, Post

Labels: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Example:
    """A post with what people, or a tool, said of it.

    labels: scheme -> one label, or several for a row with several labels.
    text_labels, image_labels: the same for one modality alone, where a corpus labels it on its own.
    soft: scheme -> the probability of each of its labels, where a model labelled the corpus.
    The post's text is raw: escapes, entities and names as they are in the file.
    """

    post: Post
    labels: Labels
    text_labels: Labels = field(default_factory=dict)
    image_labels: Labels = field(default_factory=dict)
    soft: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What a user needs to know of a corpus to get it, use it and cite it.

    folder: the usual name of its folder, below a folder of corpora.
    layout: which files are expected in it, in words.
    """

    name: str
    title: str
    folder: str
    schemes: tuple[str, ...]
    modalities: tuple[Modality, ...]
    layout: str
    source: str
    licence: str
    citation: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus as read: its examples by split, in the order and under the split names of its source."""

    info: CorpusInfo
    splits: Mapping[str, Sequence[Example]]

    def examples(self, split: str) -> Sequence[Example]:
        """Return the examples of one split; raise CorpusError, naming those there are, for another."""
        require_split(self.info.name, split, self.splits)
        return self.splits[split]

    def scheme(self, name: str | None = None) -> LabelScheme:
        """Return a scheme of the labels, the first if None; raise CorpusError for one that it has not."""
        known = self.info.schemes
        if name is not None and name not in known:
            raise CorpusError(f"{self.info.name} has no labels of {name!r}; it has {choices(name, known)}")
        return SCHEMES[name or known[0]]


Splits: TypeAlias = Mapping[str, Sequence[Example]]


class LazyExamples(Sequence[Example]):
    """Examples made when asked for, so that a corpus holds its columns and not a million objects."""

    def __init__(self, length: int, make: Callable[[int], Example]) -> None:
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        """Return the example at ``index``; a slice is lazy too."""
        chosen = range(self._length)[index]
        if isinstance(chosen, range):
            return LazyExamples(len(chosen), lambda i: self._make(chosen[i]))
        return self._make(chosen)

    def __iter__(self) -> Iterator[Example]:
        return map(self._make, range(self._length))


@dataclass(frozen=True, slots=True)
class _Reader:
    info: CorpusInfo
    read: Callable[[Path], Splits]
    marks: tuple[str, ...]
    folders: tuple[str, ...]

    def recognises(self, folder: Path) -> bool:
        """Whether any file or folder in ``folder`` matches one of the marks."""
        return any(next(folder.glob(mark), None) is not None for mark in self.marks)


_READERS: dict[str, _Reader] = {}


def register(
    info: CorpusInfo, *, marks: Sequence[str], also: Sequence[str] = ()
) -> Callable[[Callable[[Path], Splits]], Callable[[Path], Splits]]:
    """Register the decorated function as the reader of ``info``.

    marks: glob patterns, relative to the corpus folder; one that matches is enough.
    also: other names under which the folder is found below a folder of corpora.
    """

    def keep(read: Callable[[Path], Splits]) -> Callable[[Path], Splits]:
        _READERS[info.name] = _Reader(info, read, tuple(marks), (info.folder, *also))
        return read

    return keep


def list_corpora() -> tuple[CorpusInfo, ...]:
    """Return what is known of every corpus that can be read, in the order of their names."""
    return tuple(_READERS[name].info for name in sorted(_READERS))


def corpus_info(name: str) -> CorpusInfo:
    """Return what is known of a corpus; raise CorpusError, naming those there are, for an unknown name."""
    if name in _READERS:
        return _READERS[name].info
    there = choices(name, sorted(_READERS))
    if Path(name).exists():
        raise CorpusError(f"{name} is a file or a folder; here goes the name of a corpus: {there}")
    raise CorpusError(f"no corpus is called {name!r}; there are {there}")


def require_split(name: str, split: str, splits: Collection[str]) -> None:
    """Raise CorpusError, naming the splits there are, for one that ``name`` does not have."""
    if split not in splits:
        raise CorpusError(f"{name} has no split {split!r} here; it has {choices(split, splits)}")


def load_corpus(name: str, data_dir: str | Path) -> Corpus:
    """Read the corpus called ``name``.

    data_dir: the corpus folder itself, or a folder that holds it under its usual name.
    Raises CorpusError when the name is not known or the folder does not have the expected layout, and
    LabelError, with file and line, when a label is not in its scheme.
    """
    reader = _READERS[corpus_info(name).name]
    folder = _find(reader, Path(data_dir))
    splits = reader.read(folder)
    if not any(len(examples) for examples in splits.values()):
        raise wrong_folder(reader.info, folder, "its files hold no labelled post")
    return Corpus(reader.info, splits)


def wrong_folder(info: CorpusInfo, folder: Path, why: str) -> CorpusError:
    """Return the error that says what ``folder`` should hold, what it holds, and where the data is from."""
    return CorpusError(
        f"{folder} is not a {info.name} folder: {why}.\n"
        f"Expected: {info.layout}\n"
        f"Found: {_listing(folder)}\n"
        f"The data comes from: {info.source}"
    )


def _find(reader: _Reader, data_dir: Path) -> Path:
    if not data_dir.is_dir():
        raise wrong_folder(reader.info, data_dir, "there is no such folder")
    for candidate in (*(data_dir / folder for folder in reader.folders), data_dir):
        if candidate.is_dir() and reader.recognises(candidate):
            return candidate
    named = next((data_dir / f for f in reader.folders if (data_dir / f).is_dir()), data_dir)
    raise wrong_folder(reader.info, named, f"nothing there matches {' or '.join(reader.marks)}")


def _listing(folder: Path, most: int = 8) -> str:
    if not folder.is_dir():
        return "nothing"
    names = [path.name for path in islice(folder.iterdir(), 1000)]
    shown = ", ".join(sorted(names)[:most]) or "an empty folder"
    return f"{shown} and more" if len(names) > most else shown
