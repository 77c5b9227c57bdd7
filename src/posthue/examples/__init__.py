"""The example posts: a table, and its pictures beside it."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
POSTS = FOLDER / "posts.csv"
