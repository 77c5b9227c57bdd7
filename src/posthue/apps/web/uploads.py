"""An uploaded table or archive, made ready to be scored: it can name no file of the server.

A csv, tsv or jsonl is scored as it is, but the pictures that it names are not opened. A zip is either
pictures, or one table and the pictures that it names.
"""

from __future__ import annotations

import posixpath
import threading
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from posthue.apps.service.incoming import check_picture
from posthue.apps.service.problems import ApiError, unreadable
from posthue.apps.service.service import Service
from posthue.apps.web.gist import Gist
from posthue.errors import InputError, TableError
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier

TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
READ = (*TABLES, ".zip")
_TOGETHER = 32
_AHEAD = 2
_PAUSE = 0.05
_MOST_NAMES = 200_000


class StoppedError(InputError):
    """The job was stopped: deleted by its owner, or the server ends."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What is scored. folder: where the table lies. archive: where its pictures are, None: there are none.

    within: the folder of the archive that its table lies in; picture paths start there, or at its top.
    own: a table that ships with posthue, whose pictures lie beside it.
    """

    table: Path
    folder: Path
    archive: Path | None = None
    own: bool = False
    within: str = ""


def check_name(name: str) -> None:
    """Raise ApiError 422 unless a file of this name can be read."""
    ending = PurePosixPath(name).suffix.lower()
    if not ending:
        raise unreadable("name: the name of the file, with its ending")
    if ending not in READ:
        raise unreadable(f"{name}: upload a csv, tsv or jsonl table, or a zip")


def prepare(path: Path, *, max_bytes: int) -> Upload:
    """Return what is to be scored of an uploaded file; raise TableError.

    max_bytes: of a zip, unpacked.
    """
    ending = path.suffix.lower()
    if ending in TABLES:
        return Upload(path, path.parent)
    member = _table_in(path, max_bytes)
    if member is None:
        return Upload(path, path.parent)
    table = _unpacked(path, member, max_bytes)
    return Upload(table, path.parent, path, within=posixpath.dirname(member.replace("\\", "/")))


def _table_in(path: Path, max_bytes: int) -> str | None:
    """The name of the one table in an archive; None for an archive of pictures. Broken ones fail later."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise TableError(f"{path.name}: not a readable zip archive ({error})") from None
    if unpacked > max_bytes:
        raise TableError(f"{path.name}: {unpacked:,} bytes unpacked are more than {max_bytes:,}, the limit")
    if len(names) > _MOST_NAMES:
        raise TableError(f"{path.name}: more than {_MOST_NAMES:,} files in one archive")
    tables = [name for name in names if PurePosixPath(name).suffix.lower() in TABLES and _is_shown(name)]
    if len(tables) > 1:
        raise TableError(f"{path.name}: holds {len(tables)} tables; upload one at a time")
    return tables[0] if tables else None


def _is_shown(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _unpacked(path: Path, member: str, max_bytes: int) -> Path:
    """Write the table of an archive beside it, under a name of ours, and return its path."""
    target = path.parent / f"table{PurePosixPath(member).suffix.lower()}"
    left = max_bytes
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as source, target.open("wb") as file:
            while chunk := source.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise TableError(f"{member}: more than {max_bytes:,} bytes unpacked, which is the limit")
                file.write(chunk)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise TableError(f"{member}: cannot be unpacked ({error})") from None
    return target


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some posts in the queue. checked: in the place of a post that is not predicted, the reason."""

    posts: list[Post]
    checked: list[Post | Prediction]
    future: Future[list[Prediction]]


class UploadClassifier(PostClassifier):
    """Predicts the posts of an upload through the server's queue, behind the single posts of others.

    Pictures come from the archive only, within the limits of the server. stopped: set, and it stops.
    """

    def __init__(self, service: Service, upload: Upload, gist: Gist, stopped: threading.Event) -> None:
        super().__init__(service.classifier.engine)
        self._service, self._upload, self._gist, self._stopped = service, upload, gist, stopped
        self._rows = 0
        self._archive = zipfile.ZipFile(upload.archive) if upload.archive else None
        names = self._archive.namelist() if self._archive else []
        self._members = {name.replace("\\", "/"): name for name in names}

    def close(self) -> None:
        """Close the archive."""
        if self._archive:
            self._archive.close()

    def predict_many(self, posts: Iterable[Post | str]) -> Iterator[Prediction]:
        """Yield one prediction per post, in order; raise TableError above the limit of rows, StoppedError."""
        rows = iter(post for post in posts if isinstance(post, Post))
        running: deque[_Chunk] = deque()
        while chunk := list(islice(rows, _TOGETHER)):
            checked = [self._checked(post) for post in chunk]
            accepted = [item for item in checked if isinstance(item, Post)]
            running.append(_Chunk(chunk, checked, self._submit(accepted)))
            if len(running) == _AHEAD:
                yield from self._answers(running.popleft())
        while running:
            yield from self._answers(running.popleft())

    def _answers(self, chunk: _Chunk) -> list[Prediction]:
        answers = iter(chunk.future.result())
        predictions = [next(answers) if isinstance(item, Post) else item for item in chunk.checked]
        self._gist.add(chunk.posts, predictions)
        self._service.count(predictions)
        return predictions

    def _submit(self, posts: list[Post]) -> Future[list[Prediction]]:
        """Queue the posts, waiting for room: single posts of others go first."""
        while not self._stopped.is_set():
            try:
                return self._service.submit(posts, bulk=True)
            except ApiError:
                self._stopped.wait(_PAUSE)
        raise StoppedError("stopped")

    def _checked(self, post: Post) -> Post | Prediction:
        self._rows += 1
        limits = self._service.settings
        if self._rows > limits.max_rows:
            raise TableError(
                f"the table has more than {limits.max_rows:,} rows, which is the limit of this server"
            )
        if post.text and len(post.text) > limits.max_text:
            return Prediction(id=post.id, error=f"the text has more than {limits.max_text:,} characters")
        if post.image is None:
            return post
        try:
            image = self._picture(post)
            check_picture(image, limits.max_pixels)
        except ApiError as problem:
            return Prediction(id=post.id, error=problem.message)
        return replace(post, image=image)

    def _picture(self, post: Post) -> bytes:
        if isinstance(post.image, bytes):
            return self._small(post.image)
        name = self._named(str(post.image))
        if self._upload.own:
            return self._small((self._upload.folder / name).read_bytes())
        member = self._member(name)
        if self._archive is None or member is None:
            raise ApiError(
                422, "no_picture", f"{name}: this picture is not in the upload (put both in one zip)"
            )
        try:
            with self._archive.open(member) as file:
                return self._small(file.read(self._service.settings.max_image + 1))
        except (
            zipfile.BadZipFile,
            OSError,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
        ) as error:
            raise ApiError(
                422, "no_picture", f"{name}: cannot be unpacked ({type(error).__name__})"
            ) from None

    def _named(self, path: str) -> str:
        """Return what the table calls a picture, as a path of an archive."""
        plain = path.removeprefix(f"{self._upload.folder}/").replace("\\", "/").removeprefix("./")
        return plain[:300]

    def _member(self, name: str) -> str | None:
        """Return the member that the table names: beside the table, or from the top of the archive."""
        places = (posixpath.normpath(posixpath.join(self._upload.within, name)), posixpath.normpath(name))
        return next((self._members[place] for place in (*places, name) if place in self._members), None)

    def _small(self, image: bytes) -> bytes:
        if len(image) > self._service.settings.max_image:
            limit = self._service.settings.max_image
            raise ApiError(413, "too_large", f"the picture has more than {limit:,} bytes, which is the limit")
        return image
