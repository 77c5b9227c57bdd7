"""Labelled posts: of a public corpus, by its name, or of a table of one's own, by its path.

    read_labelled("mvsa-single", data="DIR") → LabelledPosts
    read_labelled("posts.csv") → LabelledPosts

Everything that looks at labels reads them here, so that one file has the same labels everywhere. A name of a
corpus is that corpus; everything else is the path of a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.data.corpora.base import Example, list_corpora, load_corpus, require_split
from posthue.data.tables.cells import id_of, values_of
from posthue.data.tables.columns import Columns, column_named, usual_columns
from posthue.data.tables.table import PostTable, RowBatch, open_table
from posthue.errors import CorpusError, InputError, TableError, choices
from posthue.labels import SCHEMES, LabelScheme
from posthue.posts import Post

#: The usual names of the column of the labels, in any case; the first that a table has is taken.
LABEL_COLUMNS = (
    *("label", "labels", "sentiment", "emotion", "ekman"),
    *("class", "category", "target", "polarity"),
)
#: The same for the column that says in which split a post is.
SPLIT_COLUMNS = ("split", "fold", "subset", "partition", "set")


@dataclass(frozen=True, slots=True)
class LabelledPost:
    """A post, its labels in one scheme, and the split that it is in (empty: none).

    text_label, image_label: of the text and of the picture alone, where somebody labelled them on their own.
    error: why a row of a table could not be read; its post has neither text nor image.
    """

    post: Post
    labels: tuple[str, ...] = ()
    split: str = ""
    text_label: str | None = None
    image_label: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledPosts:
    """The posts of a corpus or of a table, in the order in which they are there.

    name: of the corpus or the file. title: the same for people. scheme: the name of the labels, for a table
    that of their column, and all labels in order; None: a table without labels. splits: all that there are,
    also those whose posts are not wanted.
    """

    name: str
    title: str
    scheme: LabelScheme | None
    splits: tuple[str, ...]
    rows: Sequence[LabelledPost]

    def require_scheme(self) -> LabelScheme:
        """Return the scheme; raise TableError without labels."""
        if self.scheme is None:
            raise TableError(f"{self.name} has no column of labels: name it with --label-column")
        return self.scheme


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Where a table has what; None: found by the usual names.

    columns: of id, text and image. label, split: the columns of these, an empty name for none. encoding: of a
    text file.
    """

    columns: Columns | None = None
    label: str | None = None
    split: str | None = None
    encoding: str | None = None


def is_corpus(source: str) -> bool:
    """Whether ``source`` is the name of a public corpus; if not, it is the path of a table."""
    return any(info.name == source for info in list_corpora())


def read_labelled(
    source: str | Path,
    *,
    data: str | Path | None = None,
    scheme: str | None = None,
    splits: Sequence[str] = (),
    table: TableLayout | None = None,
) -> LabelledPosts:
    """Read a corpus by its name, or a table by its path.

    data: where corpora are. scheme: of a corpus the labels to read, its first if None; of a table what they
    are to be called, as their column if None. splits: only these, in this order; all if empty.
    Raises InputError for what is not there, with the name that was probably meant.
    """
    if is_corpus(str(source)):
        if data is None:
            raise CorpusError(f"{source} is a corpus: say with --data DIR where it is")
        return read_corpus(str(source), data, scheme=scheme, splits=splits)
    if not Path(source).exists():
        names = [info.name for info in list_corpora()]
        raise InputError(
            f"{source} is neither a file nor a corpus; the corpora are {choices(str(source), names)}"
        )
    return _read_table(Path(source), table or TableLayout(), scheme, splits)


def read_corpus(
    name: str, data: str | Path, *, scheme: str | None = None, splits: Sequence[str] = ()
) -> LabelledPosts:
    """Read a corpus, and no table; see ``read_labelled``."""
    corpus = load_corpus(name, data)
    chosen = corpus.scheme(scheme)
    _require_splits(name, splits, tuple(corpus.splits))
    rows = [
        _of_example(example, chosen.name, split)
        for split in splits or corpus.splits
        for example in corpus.splits[split]
    ]
    return LabelledPosts(name, corpus.info.title, chosen, tuple(corpus.splits), rows)


def _of_example(example: Example, scheme: str, split: str) -> LabelledPost:
    text, image = (labels.get(scheme, ()) for labels in (example.text_labels, example.image_labels))
    labels = tuple(example.labels.get(scheme, ()))
    return LabelledPost(example.post, labels, split, next(iter(text), None), next(iter(image), None))


def _read_table(path: Path, layout: TableLayout, scheme: str | None, splits: Sequence[str]) -> LabelledPosts:
    table = open_table(path, columns=layout.columns, encoding=layout.encoding)
    label, split = _label_and_split(table, layout)
    rows = [row for batch in table for row in _of_batch(batch, label, split)]
    there = tuple(dict.fromkeys(row.split for row in rows if row.split))
    if splits and split is None:
        raise TableError(f"{path} has no column of splits: name it with --split-column")
    _require_splits(str(path), splits, there)
    labels = None if label is None else LabelScheme(scheme or label, _in_order(rows))
    chosen = [row for name in splits for row in rows if row.split == name] if splits else rows
    return LabelledPosts(path.name, path.name, labels, there, chosen)


def _label_and_split(table: PostTable, layout: TableLayout) -> tuple[str | None, str | None]:
    names = table.passthrough_schema.names

    def column(wanted: str | None, usual: Sequence[str], option: str) -> str | None:
        if wanted is None:
            return next(usual_columns(usual, names), None)
        return column_named(wanted, names, option) if wanted else None

    try:
        return (
            column(layout.label, LABEL_COLUMNS, "--label-column"),
            column(layout.split, SPLIT_COLUMNS, "--split-column"),
        )
    except TableError as error:
        raise TableError(f"{table.path}: {error}") from None


def _of_batch(batch: RowBatch, label: str | None, split: str | None) -> Iterator[LabelledPost]:
    def cells(name: str | None) -> list[object]:
        names = batch.passthrough.schema.names
        if name is None or name not in names:
            return [None] * len(batch.posts)
        return values_of(batch.passthrough.column(names.index(name)))

    columns = (cells(label), cells(split), cells("text_label"), cells("image_label"))
    for post, error, labels, *words in zip(batch.posts, batch.errors, *columns, strict=True):
        part, text, image = map(_word, words)
        yield LabelledPost(post, _labels(labels), part, text or None, image or None, error)


def _word(value: object) -> str:
    return (id_of(value) or "").strip()


def _labels(value: object) -> tuple[str, ...]:
    """Return the labels in a cell: several are a list, or parted by ``|``."""
    several = value if isinstance(value, list) else _word(value).split("|")
    return tuple(dict.fromkeys(word for each in several if (word := _word(each))))


def _in_order(rows: Sequence[LabelledPost]) -> tuple[str, ...]:
    """Return the labels: as a published scheme that has them all orders them, else frequent ones first."""
    counts = Counter(label for row in rows for label in row.labels)
    for known in SCHEMES.values():
        if counts and counts.keys() <= set(known.labels):
            return tuple(label for label in known.labels if label in counts)
    return tuple(label for label, _ in counts.most_common())


def _require_splits(name: str, splits: Sequence[str], there: Sequence[str]) -> None:
    for split in splits:
        require_split(name, split, there)
    if len(set(splits)) < len(splits):
        raise CorpusError(f"{name}: the same split is named twice: {', '.join(splits)}")
