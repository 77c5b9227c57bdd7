"""Batches of like with like: the same modalities, the same picture size, texts of about the same length.

Padding every text to 128 tokens costs five to ten times the work of sorting by length; a batch without
pictures never runs the image encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

Ints = Sequence[int] | npt.NDArray[np.int64]


class BucketBatchSampler(Sampler[list[int]]):
    """Yield batches of row indices, in a new random order every epoch, the same for the same seed.

    kinds: [rows], what may share a batch (any hashable numbers). lengths: [rows], texts in tokens.
    window: so many batches are sorted by length together; the larger, the less padding and the less chance.
    rank, processes: which of so many processes this is; a batch has ``batch_size`` rows of each of them, so
    two see together what one of twice the batch size sees. Rows of an uneven batch are repeated.
    shuffle: off, a batch holds neighbouring rows, the same ones every epoch, and only their order changes.
    """

    def __init__(
        self,
        kinds: Ints,
        lengths: Ints,
        *,
        batch_size: int,
        seed: int = 0,
        window: int = 50,
        shuffle: bool = True,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.kinds = np.asarray(kinds)
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size * processes
        self.rank, self.processes = rank, processes
        self.seed = seed
        self.window = window
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        _, counts = np.unique(self.kinds, return_counts=True)
        return int(np.ceil(counts / self.batch_size).sum())

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        batches = [batch for kind in np.unique(self.kinds) for batch in self._batches(kind, rng)]
        for i in rng.permutation(len(batches)):
            yield self._share(batches[i]).tolist()

    def _share(self, batch: np.ndarray) -> np.ndarray:
        """This process's rows of a batch; each gets equally many, or they would wait for one another."""
        even = np.resize(batch, -(-len(batch) // self.processes) * self.processes)
        return even[self.rank :: self.processes]

    def _batches(self, kind: int, rng: np.random.Generator) -> list[np.ndarray]:
        rows = np.flatnonzero(self.kinds == kind)
        rows = rng.permutation(rows) if self.shuffle else rows
        step = self.batch_size * self.window
        windows = (rows[i : i + step] for i in range(0, len(rows), step))
        ordered = np.concatenate([w[np.argsort(self.lengths[w], kind="stable")] for w in windows])
        return [ordered[i : i + self.batch_size] for i in range(0, len(ordered), self.batch_size)]
