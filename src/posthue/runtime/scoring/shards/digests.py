"""What tells one input, and one bundle, from another: digests for the manifest of a job in shards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posthue.data.tables.readers import open_reader
from posthue.errors import TableError
from posthue.runtime.bundle.folder import Bundle

_WHOLE_BYTES = 256 << 20  # a larger input is known by its size, its time and samples of it
_SAMPLES, _SAMPLE_BYTES = 64, 1 << 18


def input_digest(source: Path) -> str:
    """Return a file's digest by its content, a folder's by the names, sizes and times of its pictures.

    Raises TableError when the source cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        if source.is_dir():
            for known in _pictures(source):
                digest.update(known)
        else:
            _add_file(digest, source)
    except OSError as error:
        raise TableError(f"{source}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def bundle_digest(bundle: Bundle) -> str:
    """Return the digest of the files that the answers of a bundle depend on."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("config.json", *bundle.config.files):
        digest.update(name.encode())
        with bundle.file(name).open("rb") as file:
            _update(digest, file)
    return digest.hexdigest()


def _pictures(folder: Path) -> Iterator[bytes]:
    """What is known of each picture that a reader finds; other files, and times of folders, say nothing."""
    for chunk in open_reader(folder, None).chunks(1024):
        for path in (os.fsencode(image) for image in chunk.images or () if image):
            known = _status(path)
            size_and_time = f"\0{known.st_size}\0{known.st_mtime_ns}\n" if known else "\0gone\n"
            yield os.path.relpath(path, os.fsencode(folder)) + size_and_time.encode()


def _status(path: bytes) -> os.stat_result | None:
    """The status of a file, of the link itself where it leads nowhere, None where even that is gone."""
    for follow in (True, False):
        try:
            return os.stat(path, follow_symlinks=follow)  # noqa: PTH116
        except OSError:
            continue
    return None


def _add_file(digest: Any, source: Path) -> None:
    known = source.stat()
    digest.update(str(known.st_size).encode())
    with source.open("rb") as file:
        if known.st_size <= _WHOLE_BYTES:
            _update(digest, file)
        else:
            digest.update(str(known.st_mtime_ns).encode())
            for number in range(_SAMPLES):
                file.seek((known.st_size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))


def _update(digest: Any, file: Any) -> None:
    while block := file.read(1 << 20):
        digest.update(block)
