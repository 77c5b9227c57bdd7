"""What an encoder said of one text or picture, and a cache of it by content.

Social data repeats itself: the same text or picture comes again and again and is encoded once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_OVERHEAD = 400  # bytes of Python objects around one entry


@dataclass(frozen=True, slots=True)
class EncodedModality:
    """One encoder's answer: pooled [dim] and, for heads that attend, sequence [length, dim]; both float32."""

    pooled: npt.NDArray[np.float32]
    sequence: npt.NDArray[np.float32] | None = None

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return _OVERHEAD + self.pooled.nbytes + (0 if self.sequence is None else self.sequence.nbytes)


def text_key(text: str) -> bytes:
    """Return the content key of a prepared text."""
    return b"t" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class EncodedCache:
    """Least-recently-used cache of encoded contents, bounded by bytes; safe for several threads."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._entries: OrderedDict[bytes, EncodedModality] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> EncodedModality | None:
        """Return what is stored under ``key``, now the most recently used, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.nbytes = 0

    def put(self, key: bytes, encoded: EncodedModality) -> None:
        """Store ``encoded``; the least recently used entries go when there is no room."""
        if encoded.nbytes > self.max_bytes:
            return
        with self._lock:
            before = self._entries.pop(key, None)
            self.nbytes += encoded.nbytes - (before.nbytes if before else 0)
            self._entries[key] = encoded
            while self.nbytes > self.max_bytes:
                _, oldest = self._entries.popitem(last=False)
                self.nbytes -= oldest.nbytes
