"""What is explored: the labelled posts of a public corpus, or of any table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.data.corpora import CorpusInfo, Example, list_corpora, load_corpus
from posthue.data.tables.cells import values_of
from posthue.data.tables.table import Columns, PostTable, RowBatch, open_table
from posthue.errors import CorpusError, InputError, TableError
from posthue.labels import SCHEMES
from posthue.posts import Post

#: Stands for the label of posts that have none.
UNLABELLED = "no label"
EVERYTHING = "all posts"
OTHERS = "other labels"
_USUAL = ("label", "labels", "sentiment", "emotion", "class", "category", "target", "polarity")
MOST_LABELS = 24


@dataclass(frozen=True, slots=True)
class LabelledPost:
    """A post with its labels, and those of its text and of its picture alone, where a corpus has them."""

    post: Post
    labels: tuple[str, ...]
    text_label: str | None = None
    image_label: str | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """Posts to explore. name: of the corpus or file. labels: all of them, in the order in which to show them.

    about: a sentence on what was read. broken_rows: rows of a table that could not be read.
    """

    name: str
    about: str
    labels: tuple[str, ...]
    rows: Sequence[LabelledPost]
    broken_rows: int = 0


def read_source(
    source: str,
    *,
    data_dir: Path | None = None,
    split: str | None = None,
    scheme: str | None = None,
    columns: Columns | None = None,
    label_column: str | None = None,
    encoding: str | None = None,
) -> Collection:
    """Read a corpus by its name, or a table by its path.

    data_dir: where corpora are. split: one split of a corpus; all if None. scheme: of a corpus with several.
    label_column: of a table; found by its usual names if None. Raises InputError for what is not there.
    """
    known = {info.name: info for info in list_corpora()}
    if is_corpus(source):
        if data_dir is None:
            raise CorpusError(f"{source} is a corpus: say with --data DIR where it is")
        return _corpus(known[source], data_dir, split, scheme)
    if not Path(source).exists():
        raise InputError(f"{source} is neither a file nor a corpus; the corpora are {', '.join(known)}")
    return _table(Path(source), columns, label_column, encoding)


def is_corpus(source: str) -> bool:
    """Whether ``source`` is the name of a corpus, and not of a file that is here."""
    return source in {info.name for info in list_corpora()} and not Path(source).is_file()


def _corpus(info: CorpusInfo, data_dir: Path, split: str | None, scheme: str | None) -> Collection:
    splits = load_corpus(info.name, data_dir).splits
    if split is not None and split not in splits:
        raise InputError(f"{info.name} has no split {split!r} here: --split {' or '.join(splits)}")
    chosen = scheme or info.schemes[0]
    if chosen not in info.schemes:
        raise InputError(f"{info.name} has no labels of {chosen!r}: --scheme {' or '.join(info.schemes)}")
    names = [split] if split else list(splits)
    rows = [_labelled(example, chosen) for name in names for example in splits[name]]
    about = f"{info.title}: {', '.join(f'{name} {len(splits[name]):,}' for name in names)}. Labels: {chosen}."
    return Collection(info.name, about, _order(rows, SCHEMES[chosen].labels), rows)


def _labelled(example: Example, scheme: str) -> LabelledPost:
    text, image = (labels.get(scheme, ()) for labels in (example.text_labels, example.image_labels))
    return LabelledPost(
        example.post,
        tuple(example.labels.get(scheme, ())) or (UNLABELLED,),
        text[0] if text else None,
        image[0] if image else None,
    )


def _table(path: Path, columns: Columns | None, label_column: str | None, encoding: str | None) -> Collection:
    table = open_table(path, columns=columns, encoding=encoding)
    label = _label_column(table, label_column)
    broken, rows = 0, []
    for batch in table:
        broken += sum(error is not None for error in batch.errors)
        rows += list(_batch_rows(batch, label))
    rows = _fewer_labels(rows)
    by = f"by the column {label}" if label else "no column of labels"
    return Collection(path.name, f"{len(rows):,} rows, {by}.", _order(rows, ()), rows, broken)


def _label_column(table: PostTable, wanted: str | None) -> str | None:
    names = table.passthrough_schema.names
    by_lower = {name.lower(): name for name in reversed(names)}
    if wanted is None:
        return next((by_lower[usual] for usual in _USUAL if usual in by_lower), None)
    if wanted.lower() not in by_lower:
        raise TableError(
            f"{table.path}: there is no column {wanted!r} for --label-column; there are {', '.join(names)}"
        )
    return wanted if wanted in names else by_lower[wanted.lower()]


def _batch_rows(batch: RowBatch, label: str | None) -> Iterator[LabelledPost]:
    """Yield the rows that could be read."""

    def cells(name: str | None) -> list[object]:
        names = batch.passthrough.schema.names
        if name is None or name not in names:
            return [None] * len(batch.posts)
        return values_of(batch.passthrough.column(names.index(name)))

    every = zip(
        batch.posts, batch.errors, cells(label), cells("text_label"), cells("image_label"), strict=True
    )
    for post, error, value, text, image in every:
        if error is None:
            labels = _labels_of(value) if label else (EVERYTHING,)
            yield LabelledPost(post, labels, _one(text), _one(image))


def _labels_of(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list | tuple) else [value]
    found = [text for item in several if (text := _one(item))]
    return tuple(dict.fromkeys(found)) or (UNLABELLED,)


def _one(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None or value != value else str(value).strip()  # noqa: PLR0124  (NaN)
    return text or None


def _fewer_labels(rows: list[LabelledPost]) -> list[LabelledPost]:
    """Bring the rarest of very many labels together as one."""
    counts = Counter(label for row in rows for label in row.labels)
    if len(counts) <= MOST_LABELS:
        return rows
    kept = {label for label, _ in counts.most_common(MOST_LABELS - 1)}
    return [
        LabelledPost(
            row.post,
            tuple(dict.fromkeys(label if label in kept else OTHERS for label in row.labels)),
            row.text_label,
            row.image_label,
        )
        for row in rows
    ]


def _order(rows: Sequence[LabelledPost], known: Sequence[str]) -> tuple[str, ...]:
    """Return the labels: of the scheme that they are of in its order, else the most frequent first."""
    counts = Counter(label for row in rows for label in row.labels)
    if not known:
        named = set(counts) - {UNLABELLED, OTHERS}
        known = next((s.labels for s in SCHEMES.values() if named and named <= set(s.labels)), ())
    last = [label for label in (OTHERS, UNLABELLED) if label in counts]
    others = [label for label, _ in counts.most_common() if label not in {*known, *last}]
    return (*(label for label in known if label in counts), *others, *last)
