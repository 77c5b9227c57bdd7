"""Which columns of a table hold what: as named by the user, or by their usual names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from posthue.data.tables.picture_columns import HoldsPictures
from posthue.errors import TableError, nearest

_USUAL = {
    "id": ("id", "post_id", "tweet_id", "status_id"),
    "text": ("text", "tweet", "tweet_text", "caption", "content", "title", "body", "message", "sentence"),
    "image": (
        *("image", "image_path", "img", "img_path", "image_file", "file_name", "filename"),
        *("picture", "photo", "path", "file"),
    ),
}
_ANY_FILE = ("filename", "path", "file")  # pictures only where the values look like pictures


def _trusted(_name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that hold a post's id, text and image; None: find it by its usual names, in any case.

    An empty name: there is no such column. Without an id column, the id is the row's number, from 0. A column
    ``file``, ``path`` or ``filename`` is taken as the image only where its values look like pictures.
    """

    id: str | None = None
    text: str | None = None
    image: str | None = None

    def resolve(self, names: Sequence[str], holds_pictures: HoldsPictures = _trusted) -> Columns:
        """Return the columns of a table of posts; raise TableError if it has neither text nor image."""
        found = self.find(names, holds_pictures)
        if found.text is None and found.image is None:
            raise TableError(
                f"no column looks like a text or an image; say which with --text-column or --image-column. "
                f"The columns are {_list(names)}"
            )
        return found

    def find(self, names: Sequence[str], holds_pictures: HoldsPictures = _trusted) -> Columns:
        """Return the columns among ``names``, None for what is not there; or raise TableError."""
        free = [name for name in names if name not in (self.id, self.text, self.image)]
        found: dict[str, str | None] = {}
        for role, wanted in asdict(self).items():
            usual = usual_columns(_USUAL[role], free)
            likely = (name for name in usual if name.lower() not in _ANY_FILE or holds_pictures(name))
            named = column_named(wanted, names, f"--{role}-column") if wanted else None
            found[role] = next(likely, None) if wanted is None else named
        return Columns(**found)


def usual_columns(usual: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield those of ``names`` that are among the usual ones, in any case, in the order of the usual ones."""
    by_lower = {name.lower(): name for name in reversed(names)}
    return (by_lower[name] for name in usual if name in by_lower)


def column_named(wanted: str, names: Sequence[str], option: str) -> str:
    """Return the column of this name, in any case if none has it exactly.

    option: where the user names it. Raises TableError with the columns there are.
    """
    if wanted in names:
        return wanted
    for name in usual_columns([wanted.lower()], names):
        return name
    raise TableError(
        f"there is no column {wanted!r} ({option}); the columns are {_list(names)}{nearest(wanted, names)}"
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:40])
    return f"{shown}, … ({len(names)} in all)" if len(names) > 40 else shown or "none"
