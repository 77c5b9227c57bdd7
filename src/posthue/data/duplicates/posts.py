"""Near-duplicates among posts: the same text or picture again, with small changes.

Near is not transitive, a group is: items are in one group when a chain of near ones joins them. A grouping is
a list with one number per item, the index of the first item of its group; give it to
:mod:`posthue.data.splits.stratified` to keep a group on one side, or to ``keep_first`` to drop the repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthue.data.duplicates.grouping import merge_groups
from posthue.data.duplicates.images import image_groups, image_hashes
from posthue.data.duplicates.texts import text_groups
from posthue.posts import Post


def group_posts(
    posts: Sequence[Post], *, text_threshold: float = 0.7, image_distance: int = 6, workers: int = 2
) -> list[int]:
    """Return the groups of posts whose texts or whose pictures are near.

    A picture that cannot be opened is near nothing. workers: threads that open pictures.
    """
    texts = text_groups([post.text for post in posts], threshold=text_threshold)
    hashes = image_hashes([post.image for post in posts], workers=workers)
    return merge_groups(texts, image_groups(hashes, max_distance=image_distance))
