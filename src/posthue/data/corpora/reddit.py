"""Titles of four subreddits as emotions (Duong, Lebret & Aberer 2017, arXiv 1708.02099)."""

from __future__ import annotations

import re
from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.reading import one_label, pictures_in, read_rows
from posthue.posts import Modality, Post

INFO = CorpusInfo(
    name="reddit-emotion",
    title="Reddit titles of r/happy, r/creepy, r/rage, r/gore",
    folder="reddit-emotion",
    schemes=("emotion",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout="posts.csv (id, title, subreddit, emotion, image_url); images/ID.jpg where you fetched them",
    source="the data of arXiv 1708.02099 (Duong, Lebret & Aberer); the pictures are behind image_url",
    licence="research use, terms of Reddit",
    citation="Duong, Lebret & Aberer 2017, Multimodal Classification for Analysing Social Media",
)

#: The label is the subreddit, so that its name in a title would give it away. References to any subreddit go
#: whole; the four names go as words too.
_SUBREDDIT = re.compile(r"/?\br/\w+/?|\b(?:happy|creepy|rage|gore)\b", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]")


@register(INFO, marks=("posts.csv",), also=("reddit_emotion",))
def read(folder: Path) -> Splits:
    """Read posts.csv into one split, "all"; a post with nothing left but its subreddit's name is left out."""
    path = folder / "posts.csv"
    images = {image.stem: image for image in pictures_in(folder / "images")}
    examples = [
        Example(
            Post(text=without_subreddits(row["title"]) or None, image=images.get(row["id"]), id=row["id"]),
            one_label("emotion", row["emotion"].strip().lower(), path, line),
        )
        for line, row in read_rows(path, columns=("id", "title", "emotion"))
    ]
    return {"all": [example for example in examples if example.post.modalities]}


def without_subreddits(title: str) -> str:
    """Return ``title`` without subreddit names.

    >>> without_subreddits("Creepy doll (x-post from /r/wtf)")
    'doll (x-post from )'
    """
    stripped = _EMPTY_BRACKETS.sub("", _SUBREDDIT.sub("", title))
    return " ".join(stripped.split()) if re.search(r"\w", stripped) else ""
