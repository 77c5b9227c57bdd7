"""Groups of near-duplicates, kept: the same posts are grouped once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from posthue.data.duplicates.posts import group_posts
from posthue.files import write_json
from posthue.posts import Post


def near_groups(posts: Sequence[Post], contents: str, cache: Path) -> list[int]:
    """Return the group of each post [n], from the cache if these posts were grouped before.

    contents: digest of their pictures, where they have been read.
    """
    digest = blake2b(contents.encode(), digest_size=12)
    for post in posts:
        place = post.image if isinstance(post.image, (str, Path)) else ""
        digest.update(f"{post.id}\0{post.text}\0{place}\0".encode())
    path = cache / f"groups-{digest.hexdigest()}.json"
    try:
        groups: list[int] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        groups = group_posts(posts)
        write_json(path, groups)
    return groups
