"""A scoring job in shards: its description, and what comes of each shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posthue._version import __version__
from posthue.data.tables.columns import Columns
from posthue.data.tables.table import PostTable, open_table
from posthue.runtime.backends.devices import Device
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.inference.engine import Engine, OnBadImage
from posthue.runtime.scoring.shards.digests import bundle_digest, input_digest


@dataclass(frozen=True, slots=True)
class ShardJob:
    """What is scored and how; plain data, so that it can be sent to another process as JSON.

    source, folder: the table, and the folder of the shards. model: a bundle's folder, or ``default``.
    shard_rows: rows of a shard. batch_rows: rows predicted together. ending: the format of the shards.
    threads: of each worker; None: all cores.
    """

    source: str
    folder: str
    model: str = "default"
    id_column: str | None = None
    text_column: str | None = None
    image_column: str | None = None
    encoding: str | None = None
    shard_rows: int = 50_000
    batch_rows: int = 512
    ending: str = ".parquet"
    on_bad_image: OnBadImage = "error"
    device: Device = "auto"
    threads: int | None = None

    @property
    def columns(self) -> Columns:
        """Which columns are id, text and image."""
        return Columns(id=self.id_column, text=self.text_column, image=self.image_column)

    def open_table(self) -> PostTable:
        """Open the input; raise TableError."""
        return open_table(
            self.source, columns=self.columns, batch_rows=self.batch_rows, encoding=self.encoding
        )

    def load(self) -> PostClassifier:
        """Load the bundle; raise BundleError."""
        bundle = Bundle.open(self.model)
        return PostClassifier(
            Engine(bundle, threads=self.threads, device=self.device, on_bad_image=self.on_bad_image)
        )

    def identity(self) -> dict[str, object]:
        """What the output depends on, by name: see manifest.Manifest."""
        known = asdict(self)
        for name in ("source", "folder", "model", "threads", "device"):
            del known[name]
        return {
            "input": input_digest(Path(self.source)),
            "bundle": bundle_digest(Bundle.open(self.model)),
            "posthue": __version__,
            **known,
        }


@dataclass(frozen=True, slots=True)
class ShardDone:
    """A written shard; without rows it lies behind the end of the input, and there is no file."""

    index: int
    rows: int
    bytes: int
    tally: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)
