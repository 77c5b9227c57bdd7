"""Short ways to read a table in tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from posthue.data.tables.table import PostTable, open_table
from posthue.posts import Post

#: Makes a file of this name and content, and returns its path.
Write = Callable[[str, str | bytes], Path]


def posts_of(table: PostTable) -> list[Post]:
    return [post for batch in table for post in batch.posts]


def errors_of(table: PostTable) -> list[str | None]:
    return [error for batch in table for error in batch.errors]


def texts_of(path: Path, encoding: str | None = None) -> list[str | None]:
    return [post.text for post in posts_of(open_table(path, encoding=encoding))]
