"""Labelled posts to look at, from a public corpus or from a table of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.data.corpora import list_corpora, load_corpus
from posthue.data.tables.table import Columns, open_table
from posthue.errors import InputError, TableError
from posthue.posts import Post

_LABEL = ("label", "labels", "sentiment", "emotion", "emotion", "class", "target")
_SPLIT = ("split", "fold", "subset", "partition", "set")


@dataclass(frozen=True, slots=True)
class Entry:
    """A post, the split that it is in (empty: none), and its labels in the scheme that is looked at."""

    post: Post
    split: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """name: of the corpus or the table. scheme: of the labels, for a table their column; None: no labels."""

    name: str
    scheme: str | None
    rows: list[Entry]


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of a table that hold its label and its split; None: find them by their usual names."""

    label: str | None = None
    split: str | None = None

    def resolve(self, names: Sequence[str]) -> tuple[int | None, int | None]:
        """Return their positions among ``names``; raise TableError for a named one that is not there."""
        return (
            _position(self.label, _LABEL, names, "--label-column"),
            _position(self.split, _SPLIT, names, "--split-column"),
        )


def corpus_entries(
    name: str, data: str | Path, *, scheme: str | None = None, splits: Sequence[str] = ()
) -> Entries:
    """Read a corpus. scheme: the corpus's first if left out. splits: only these, all if empty."""
    corpus = load_corpus(name, data)
    known = corpus.info.schemes
    if scheme is not None and scheme not in known:
        raise InputError(f"{name} has no labels in {scheme!r}: --scheme {' or '.join(known)}")
    chosen = scheme or known[0]
    for split in splits:
        if split not in corpus.splits:
            raise InputError(f"{name} has no split {split!r} here: --split {' or '.join(corpus.splits)}")
    rows = [
        Entry(example.post, split, tuple(example.labels.get(chosen, ())))
        for split, examples in corpus.splits.items()
        if not splits or split in splits
        for example in examples
    ]
    return Entries(name, chosen, rows)


def table_entries(
    path: str | Path,
    *,
    columns: Columns | None = None,
    labels: LabelColumns | None = None,
    encoding: str | None = None,
) -> Entries:
    """Read a table. Its labels may be any words; several are parted by ``|``."""
    table = open_table(path, columns=columns, encoding=encoding)
    names = list(table.passthrough_schema.names)
    try:
        label, split = (labels or LabelColumns()).resolve(names)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    rows = [
        Entry(post, split_of, tuple(part.strip() for part in label_of.split("|") if part.strip()))
        for batch in table
        for post, label_of, split_of in zip(
            batch.posts,
            _texts(batch.passthrough, label),
            _texts(batch.passthrough, split),
            strict=True,
        )
    ]
    if not rows:
        raise TableError(f"{path} has no rows")
    return Entries(Path(path).name, names[label] if label is not None else None, rows)


def is_corpus(name: str) -> bool:
    """Whether a public corpus is called so."""
    return any(info.name == name for info in list_corpora())


def _texts(batch: object, position: int | None) -> Iterator[str]:
    from pyarrow import RecordBatch  # noqa: PLC0415

    assert isinstance(batch, RecordBatch)
    if position is None:
        yield from [""] * batch.num_rows
        return
    from posthue.data.tables.cells import id_of, values_of  # noqa: PLC0415

    yield from ((id_of(value) or "").strip() for value in values_of(batch.column(position)))


def _position(wanted: str | None, usual: Sequence[str], names: Sequence[str], flag: str) -> int | None:
    lower = [name.lower() for name in names]
    if wanted is None:
        return next((lower.index(name) for name in usual if name in lower), None)
    if wanted.lower() not in lower:
        raise TableError(f"there is no column {wanted!r} ({flag}); the columns are {', '.join(names)}")
    return names.index(wanted) if wanted in names else lower.index(wanted.lower())
