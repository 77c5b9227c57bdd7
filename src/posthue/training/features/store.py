"""Vectors and sequences by content hash, in a folder: what a frozen encoder said, kept for ever.

Two files: ``values``, rows of numbers, and ``index``, 24 bytes per entry: the content's hash, its number of
rows, and a checksum of them. Entries are only appended, values first, so a killed run leaves a store that is
whole up to its last batch. An entry whose checksum no longer holds is dropped and made again.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.locks import lock

KEY_BYTES = 16
ENTRY = np.dtype([("key", "V16"), ("rows", "<u4"), ("crc", "<u4")])

_log = logging.getLogger(__name__)

Array = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Sequences of different lengths, end to end in one array that may be memory-mapped.

    values: [rows, dim]; starts, lengths: of each sequence [n]; an absent one has length 0.
    """

    values: Array
    starts: Ints
    lengths: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def select(self, items: Ints) -> Ragged:
        """Return some of the sequences; the values are shared."""
        return Ragged(self.values, self.starts[items], self.lengths[items])

    def widened(self, extra: Array) -> Ragged:
        """Return the sequences, in memory, with the same further numbers [n, k] at every step of each."""
        rows = np.repeat(self.starts - np.cumsum(self.lengths) + self.lengths, self.lengths)
        taken = self.values[rows + np.arange(len(rows))]
        repeated = np.repeat(extra.astype(taken.dtype), self.lengths, axis=0)
        starts = np.cumsum(self.lengths) - self.lengths
        return Ragged(np.concatenate([taken, repeated], axis=1), starts, self.lengths)

    def padded(self, items: Ints) -> tuple[Tensor, Tensor]:
        """Return the sequences as float32 [items, longest, dim] with their mask [items, longest].

        The longest is at least 1, so that a batch without any has a shape; its mask is then all False.
        """
        starts, lengths = self.starts[items], self.lengths[items]
        steps = np.arange(max(1, int(lengths.max(initial=0))))
        mask = steps < lengths[:, None]
        padded = np.zeros((*mask.shape, self.values.shape[1]), np.float32)
        padded[mask] = self.values[(starts[:, None] + steps)[mask]]
        return torch.from_numpy(padded), torch.from_numpy(mask)


class FeatureStore:
    """Entries of one or more rows of ``dim`` numbers, by 16-byte key.

    One process at a time may open and write a store: hold ``lock(folder / "lock", wait=True)`` around both.
    """

    def __init__(self, folder: str | Path, dim: int, dtype: str = "float32") -> None:
        self.folder, self.dim, self.dtype = Path(folder), dim, np.dtype(dtype)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._index, self._values = self.folder / "index", self.folder / "values"
        self._entries: dict[bytes, tuple[int, int, int]] = {}
        self._end = 0
        self._append(self._whole())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def add(self, keys: Sequence[bytes], values: Array, rows: Sequence[int] | None = None) -> None:
        """Append one entry per key. values: [sum of rows, dim]; rows: of each entry, 1 if left out."""
        content = np.ascontiguousarray(values, self.dtype)
        entries = np.zeros(len(keys), ENTRY)
        entries["key"] = [np.void(key) for key in keys]
        entries["rows"] = rows if rows is not None else 1
        ends = np.cumsum(entries["rows"], dtype=np.int64)
        entries["crc"] = [zlib.crc32(part.tobytes()) for part in np.split(content, ends[:-1])]
        for path, data in ((self._values, content.tobytes()), (self._index, entries.tobytes())):
            with path.open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        self._append(entries)

    def take(self, keys: Sequence[bytes]) -> Array:
        """Return the vectors [len(keys), dim] of one-row entries, memory-mapped until taken."""
        return np.asarray(self._mapped()[[self._entries[key][0] for key in keys]])

    def ragged(self, keys: Sequence[bytes | None]) -> Ragged:
        """Return the entries as sequences over the memory-mapped values; None has length 0."""
        found = [self._entries[key] if key is not None else (0, 0, 0) for key in keys]
        starts, lengths = (np.array([entry[i] for entry in found], dtype=np.int64) for i in (0, 1))
        return Ragged(self._mapped(), starts, lengths)

    def drop_damaged(self, keys: Sequence[bytes]) -> int:
        """Forget those of the entries whose checksum does not hold; return how many."""
        values = self._mapped() if self._end else np.zeros((0, self.dim), self.dtype)
        wanted = {key: self._entries[key] for key in keys if key in self._entries}
        damaged = [
            key
            for key, (start, rows, crc) in wanted.items()
            if zlib.crc32(values[start : start + rows].tobytes()) != crc
        ]
        for key in damaged:
            del self._entries[key]
        return len(damaged)

    def _mapped(self) -> Array:
        if not self._end:
            return np.zeros((0, self.dim), self.dtype)
        return np.memmap(self._values, dtype=self.dtype, mode="r", shape=(self._end, self.dim))

    def _append(self, entries: npt.NDArray[np.void]) -> None:
        ends = self._end + np.cumsum(entries["rows"], dtype=np.int64)
        for entry, end in zip(entries, ends.tolist(), strict=True):
            rows = int(entry["rows"])
            self._entries[entry["key"].tobytes()] = (end - rows, rows, int(entry["crc"]))
        self._end = int(ends[-1]) if len(ends) else self._end

    def _whole(self) -> npt.NDArray[np.void]:
        """Cut both files to the entries that are complete, and return these."""
        for path in (self._index, self._values):
            path.touch()
        width = self.dtype.itemsize * self.dim
        raw = self._index.read_bytes()
        entries = np.frombuffer(raw[: len(raw) // ENTRY.itemsize * ENTRY.itemsize], ENTRY)
        ends = np.cumsum(entries["rows"], dtype=np.int64)
        count = int(np.searchsorted(ends, self._values.stat().st_size // width, side="right"))
        end = int(ends[count - 1]) if count else 0
        os.truncate(self._index, count * ENTRY.itemsize)
        os.truncate(self._values, end * width)
        return entries[:count]


@contextmanager
def open_stores(stores: Mapping[Path, str], dim: int) -> Iterator[list[FeatureStore]]:
    """Open stores and keep other processes out of them. stores: folder → type of its numbers."""
    with ExitStack() as stack:
        for folder in stores:
            stack.enter_context(lock(folder / "lock", wait=True))
        yield [FeatureStore(folder, dim, dtype) for folder, dtype in stores.items()]


def missing_rows(stores: Sequence[FeatureStore], keys: Sequence[bytes | None]) -> dict[int, bytes]:
    """Return a row → its key for every content that is not in all of the stores, or damaged in one."""
    known = [key for key in keys if key is not None]
    damaged = sum(store.drop_damaged(known) for store in stores)
    if damaged:
        _log.warning("%d damaged entries of the feature cache are made again", damaged)
    rows = {key: i for i, key in enumerate(keys) if key is not None and any(key not in s for s in stores)}
    return {row: key for key, row in rows.items()}
