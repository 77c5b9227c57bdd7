"""The raw posts of a distillation as a stream: a table, or a split of a corpus without its labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from posthue.data.corpora import load_corpus
from posthue.data.tables.columns import Columns
from posthue.data.tables.table import PostTable, RowBatch, open_table
from posthue.errors import TableError, choices
from posthue.posts import Post
from posthue.training.distill.recipe import Posts
from posthue.training.distill.store import BATCH_ROWS

FLAGS = ("is_retweet", "is_repost", "retweet", "repost", "retweeted_status_id")
_NO = frozenset({"", "0", "false", "no", "none", "nan"})


@dataclass(frozen=True, slots=True)
class Raw:
    """A post with what its table says of it. language, fingerprint: None where the table does not say."""

    post: Post
    language: str | None = None
    is_repost: bool = False
    fingerprint: bytes | None = None


def raw_posts(posts: Posts, data: Path) -> Iterator[Raw]:
    """Yield the posts of a crowd; rows that the table reader could not read are passed over."""
    found = _of_table(posts, _table_path(posts, data)) if posts.table else _of_corpus(posts, data)
    return islice(found, posts.limit)


def raw_count(posts: Posts, data: Path) -> int | None:
    """Return how many there are, for a progress bar; None if that is not known."""
    if posts.table is None:
        return posts.limit
    total = open_table(_table_path(posts, data)).count_rows()
    return total if total is None or posts.limit is None else min(total, posts.limit)


def source_facts(posts: Posts, data: Path) -> dict[str, object]:
    """Return what tells one crowd from another: the file's name, size and time, or the corpus."""
    if posts.table is None:
        return {"corpus": posts.corpus, "split": posts.split}
    found = _table_path(posts, data).stat()
    return {"table": posts.table, "bytes": found.st_size, "time": found.st_mtime_ns}


def _table_path(posts: Posts, data: Path) -> Path:
    path = data / str(posts.table)
    if not path.exists():
        raise TableError(f"there is no table {path}: posts.table is relative to --data")
    return path


def _of_corpus(posts: Posts, data: Path) -> Iterator[Raw]:
    examples = load_corpus(str(posts.corpus), data).examples(posts.split)
    return (Raw(example.post) for example in examples)


def _of_table(posts: Posts, path: Path) -> Iterator[Raw]:
    columns = Columns(id=posts.id_column, text=posts.text_column, image=posts.image_column)
    table = open_table(path, columns=columns, batch_rows=BATCH_ROWS)
    _check_columns(table, posts)
    for batch in table:
        languages = _column(batch, posts.language_column)
        reposts = _reposts(batch, posts.repost_column)
        prints = _column(batch, posts.fingerprint_column)
        for row, (post, error) in enumerate(zip(batch.posts, batch.errors, strict=True)):
            if error is None:
                language = None if languages is None else str(languages[row] or "").lower()
                flagged = any(str(values[row] or "").strip().lower() not in _NO for values in reposts)
                yield Raw(post, language, flagged, None if prints is None else prints[row])


def _check_columns(table: PostTable, posts: Posts) -> None:
    names = table.passthrough_schema.names
    for wanted in (posts.language_column, posts.repost_column, posts.fingerprint_column):
        if wanted is not None and wanted not in names:
            raise TableError(
                f"{table.path} has no column {wanted!r}; its columns are {choices(wanted, names)}"
            )
    name = posts.fingerprint_column
    if name is not None:
        kind = table.passthrough_schema.field(name).type
        if not (pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)):
            raise TableError(
                f"{table.path}: the fingerprints in {name!r} must be bytes, 64 of them, not {kind}"
            )


def _column(batch: RowBatch, name: str | None) -> list[Any] | None:
    return None if name is None else batch.passthrough.column(name).to_pylist()


def _reposts(batch: RowBatch, name: str | None) -> Sequence[list[Any]]:
    names = [name] if name is not None else [n for n in FLAGS if n in batch.passthrough.schema.names]
    return [batch.passthrough.column(found).to_pylist() for found in names]
