"""Pictures through the image encoder: decoded in threads beside the model, batched by size.

A picture is named by its content, so the same picture twice is decoded and encoded once. The threads run
only a bounded number of pictures ahead of the model.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posthue.data.images.decode import decode_image, image_digest, to_pixels
from posthue.errors import RowError
from posthue.runtime.backends.sessions import Sessions
from posthue.runtime.bundle.config import ImagePart, TunedPart
from posthue.runtime.inference.cache import EncodedCache, EncodedModality

if TYPE_CHECKING:
    from posthue.posts import ImageSource

_BATCH_PIXELS = 8 * 224 * 224
_MAX_BATCH = 32
_LOOK_AHEAD = 16  # pictures per thread
_INLINE = 2  # so few pictures are not worth a thread


@dataclass(frozen=True, slots=True)
class PendingImage:
    """A picture on its way: known already, decoded, being decoded elsewhere in this window, or broken."""

    key: bytes
    encoded: EncodedModality | None = None
    pixels: npt.NDArray[np.uint8] | None = None
    error: str | None = None


class ImageBatchEncoder:
    """Decodes and encodes pictures."""

    def __init__(
        self, part: ImagePart, sessions: Sessions, cache: EncodedCache, *, with_sequence: bool
    ) -> None:
        self._spec = part.spec
        self._sessions = sessions
        self._cache = cache
        self._outputs = ("pooled", "sequence") if with_sequence else ("pooled",)
        tuned = sessions.bundle.config.runtime.parts.get("image", TunedPart())
        self._batch_pixels = tuned.rows * part.spec.size**2 if tuned.rows else _BATCH_PIXELS

    def encode(self, sources: Sequence[ImageSource]) -> list[EncodedModality | str]:
        """Return for each picture, in their order, what the encoder says of it, or why it cannot be read."""
        found: dict[bytes, EncodedModality | str] = {}
        waiting: dict[int, list[PendingImage]] = {}
        keys: list[bytes] = []
        streams = self._sessions.streams if len(sources) > self._batch_rows(self._spec.size) else 1
        running = Running(streams, self._run)
        told: set[int] = set()  # pictures whose error names themselves, and not another of the same content
        for position, loaded in enumerate(self._load_all(sources)):
            key = loaded.key or b"unreadable %d" % position
            keys.append(key)
            if loaded.pixels is not None:
                group = waiting.setdefault(len(loaded.pixels), [])
                group.append(loaded)
                if len(group) == self._batch_rows(len(loaded.pixels)):
                    found.update(running.add(waiting.pop(len(loaded.pixels))))
            elif loaded.encoded is not None or loaded.error is not None:
                found[key] = loaded.encoded or loaded.error or ""
                told.add(position)
        for group in waiting.values():
            found.update(running.add(group))
        found.update(running.finish())
        return [
            self._own_error(source, found[key]) if position not in told else found[key]
            for position, (source, key) in enumerate(zip(sources, keys, strict=True))
        ]

    def _own_error(self, source: ImageSource, found: EncodedModality | str) -> EncodedModality | str:
        """The error of a broken picture names its own file, not another of the same content."""
        if isinstance(found, EncodedModality):
            return found
        return self._load(source, lambda _: True).error or found

    def _load_all(self, sources: Sequence[ImageSource]) -> Iterator[PendingImage]:
        load = _Loader(self._load).load
        if len(sources) <= _INLINE:
            yield from map(load, sources)
            return
        threads = min(self._sessions.threads, len(sources))
        with ThreadPoolExecutor(threads, thread_name_prefix="posthue-decode") as pool:
            running: deque[Future[PendingImage]] = deque()
            for source in sources:
                running.append(pool.submit(load, source))
                if len(running) > threads * _LOOK_AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()

    def _load(self, source: ImageSource, claim: Callable[[bytes], bool]) -> PendingImage:
        key = b""
        try:
            key = b"i" + image_digest(source)
            known = self._cache.get(key)
            if known is not None or not claim(key):
                return PendingImage(key, encoded=known)
            return PendingImage(key, pixels=decode_image(source, self._spec))
        except RowError as error:
            return PendingImage(key, error=str(error))
        except Exception as error:  # whatever a hostile file does to a decoder, it is this row's error only
            return PendingImage(key, error=f"image: cannot be read ({type(error).__name__}: {error})")

    def encode_decoded(self, images: npt.NDArray[np.uint8], *, alone: bool = True) -> list[EncodedModality]:
        """Return what the encoder says of a batch of decoded pictures, uint8 [n, s, s, 3]; keeps nothing.

        alone: nothing else runs beside it, so that it may take all threads.
        """
        feeds = {"pixel_values": to_pixels(images, self._spec)}
        small = images.shape[1] == self._spec.small_size
        model = self._sessions.small_image if small else self._sessions.image
        pooled, *sequence = model.run(feeds, self._outputs, alone=alone)
        steps = [rows.copy() for rows in sequence[0]] if sequence else [None] * len(images)
        return [EncodedModality(row.copy(), rows) for row, rows in zip(pooled, steps, strict=True)]

    def _run(self, group: Sequence[PendingImage], *, alone: bool) -> dict[bytes, EncodedModality]:
        images = np.stack([loaded.pixels for loaded in group if loaded.pixels is not None])
        found = {
            loaded.key: encoded
            for loaded, encoded in zip(group, self.encode_decoded(images, alone=alone), strict=True)
        }
        for key, encoded in found.items():
            self._cache.put(key, encoded)
        return found

    def _batch_rows(self, size: int) -> int:
        return max(1, min(_MAX_BATCH, self._batch_pixels // (size * size)))


class _Loader:
    """Loads pictures; of the pictures with one content only the first is decoded."""

    def __init__(self, load: Callable[[ImageSource, Callable[[bytes], bool]], PendingImage]) -> None:
        self._load = load
        self._claimed: set[bytes] = set()
        self._lock = threading.Lock()

    def load(self, source: ImageSource) -> PendingImage:
        return self._load(source, self._claim)

    def _claim(self, key: bytes) -> bool:
        with self._lock:
            if key in self._claimed:
                return False
            self._claimed.add(key)
            return True


class Running:
    """Runs batches as they come, up to ``streams`` at a time; two more wait for each, never more."""

    def __init__(self, streams: int, run: Callable[..., dict[bytes, EncodedModality]]) -> None:
        self._run, self._streams = run, streams
        self._pool = ThreadPoolExecutor(streams, thread_name_prefix="posthue-run") if streams > 1 else None
        self._futures: deque[Future[dict[bytes, EncodedModality]]] = deque()

    def add(self, group: Sequence[PendingImage]) -> dict[bytes, EncodedModality]:
        """Run a batch, now or soon; return the results of one that is done, if another had to end first."""
        if self._pool is None:
            return self._run(group, alone=True)
        self._futures.append(self._pool.submit(self._run, group, alone=False))
        return self._futures.popleft().result() if len(self._futures) > 3 * self._streams else {}

    def finish(self) -> dict[bytes, EncodedModality]:
        """Return the results of all that was still running."""
        found: dict[bytes, EncodedModality] = {}
        if self._pool is not None:
            with self._pool:
                while self._futures:
                    found.update(self._futures.popleft().result())
        return found
