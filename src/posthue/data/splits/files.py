"""Splits in a file of their own: a csv of id, split and group, made by ``posthue data check --fix``.

``SPLIT@FILE`` in a recipe, or ``--splits FILE``, takes a split from such a file instead of the corpus's own.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from posthue.data.corpora.base import Corpus, Example
from posthue.errors import CorpusError, TableError
from posthue.files import write_csv

COLUMNS = ("id", "split", "group")


def read_splits(path: str | Path) -> dict[str, str]:
    """Return id -> split; raise TableError, with the line, for a file that is no such table."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise TableError(f"{path}: cannot be read as a table of splits ({reason})") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"id", "split"} <= set(header):
        raise TableError(f"{path}: a table of splits has the columns id and split; it has {header or 'none'}")
    where = (header.index("id"), header.index("split"))
    found: dict[str, str] = {}
    for line, row in enumerate(rows[1:], start=2):
        if row:
            post_id, split = _cells(row, where, f"{path}, line {line}")
            if found.setdefault(post_id, split) != split:
                raise TableError(f"{path}, line {line}: {post_id!r} is in {found[post_id]} already")
    if not found:
        raise TableError(f"{path} names no post")
    return found


def write_splits(path: str | Path, rows: Sequence[tuple[str, str, int]]) -> Path:
    """Write (id, split, group) of each post."""
    return write_csv(path, COLUMNS, rows, for_people=False)


def with_splits(corpus: Corpus, path: str | Path) -> Corpus:
    """Return the corpus in the splits of a file; posts that the file does not name are left out.

    Raises CorpusError if the file names posts that the corpus does not have, or has twice.
    """
    wanted = read_splits(path)
    taken: dict[str, Example] = {}
    for example in (example for examples in corpus.splits.values() for example in examples):
        post_id = example.post.id
        if post_id in wanted and post_id in taken:
            raise CorpusError(f"{corpus.info.name} has two posts {post_id!r}: {path} cannot tell them apart")
        if post_id in wanted:
            taken[post_id] = example
    _require_all(wanted, taken, corpus.info.name, path)
    splits: dict[str, list[Example]] = {split: [] for split in _order(wanted, corpus)}
    for post_id, example in taken.items():
        splits[wanted[post_id]].append(example)
    return replace(corpus, splits=splits)


def _order(wanted: Mapping[str, str], corpus: Corpus) -> list[str]:
    """Return the names of the splits, those of the corpus first."""
    named = set(wanted.values())
    return [*(s for s in corpus.splits if s in named), *sorted(named - set(corpus.splits))]


def _require_all(
    wanted: Mapping[str, str], taken: Mapping[str, Example], name: str, path: str | Path
) -> None:
    missing = [post_id for post_id in wanted if post_id not in taken]
    if missing:
        raise CorpusError(
            f"{len(missing):,} of the {len(wanted):,} posts of {path} are not in {name} "
            f"({missing[0]!r}, say): was it made from other data?"
        )


def _cells(row: Sequence[str], where: tuple[int, int], place: str) -> tuple[str, str]:
    if max(where) >= len(row) or not row[where[1]].strip():
        raise TableError(f"{place}: no split")
    return row[where[0]], row[where[1]].strip()


#: ``SPLIT@FILE`` is a split of a file of splits.
SPLIT_FILE = "@"
