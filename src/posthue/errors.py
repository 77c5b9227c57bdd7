"""Every error that posthue raises on purpose.

PosthueError
├── InputError            what the caller gave is wrong; the message says what to do
│   ├── TableError        a table cannot be read, or lacks a column
│   ├── CorpusError       a corpus folder does not have the expected layout
│   ├── RecipeError       a recipe names something that does not exist or does not fit
│   └── LabelError        a label is not in its scheme
├── RowError              one post cannot be predicted; becomes the ``error`` of that row
│   ├── ImageError        the image cannot be opened or decoded
│   └── EmptyPostError    the post has neither text nor image
├── BundleError           a bundle is missing, incomplete, or of another format
└── MissingExtraError     an optional dependency is not installed
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PosthueError(Exception):
    """Base of every error that posthue raises on purpose."""


class InputError(PosthueError):
    """What the caller gave is wrong; the message says what to do."""


class TableError(InputError):
    """A table cannot be read or written, or lacks a column."""


class CorpusError(InputError):
    """A corpus folder does not have the expected layout."""


class RecipeError(InputError):
    """A recipe names something that does not exist or does not fit."""


class LabelError(InputError):
    """A label is not in its scheme."""


class RowError(PosthueError):
    """One post cannot be predicted. It becomes the ``error`` of its prediction and stops nothing else."""


class ImageError(RowError):
    """The image of a post cannot be opened or decoded."""


class EmptyPostError(RowError):
    """The post has neither text nor image."""


class BundleError(PosthueError):
    """A model bundle is missing, incomplete, or of a format that this version does not read."""


class MissingExtraError(PosthueError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'posthue[{extra}]'")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 300 characters; of an empty one its class name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return what an error on an unknown name ends with: the known name that was probably meant, if any.

    >>> nearest("Tran", ["train", "dev"])
    ". Did you mean 'train'?"
    >>> nearest("x", ["train", "dev"])
    ''
    """
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f". Did you mean {by_lower[close[0]]!r}?" if close else ""


def choices(name: str, known: Iterable[str]) -> str:
    """Return the known names, as an error on an unknown name lists them, and the one probably meant.

    >>> choices("Tran", ["train", "dev"])
    "train, dev. Did you mean 'train'?"
    """
    names = list(known)
    return f"{', '.join(names) or 'none'}{nearest(name, names)}"
