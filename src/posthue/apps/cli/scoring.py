"""Which way a ``posthue score`` goes: one file, one file by several processes, shards, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posthue.errors import InputError

if TYPE_CHECKING:
    from posthue.runtime.inference.engine import OnBadImage
    from posthue.runtime.scoring.shards.job import ShardJob
    from posthue.runtime.scoring.summary import ScoreSummary

_WORKER_ROWS = 8192  # rows of a hidden shard, where the output is one file
_FORMATS = ("parquet", "csv", "tsv", "jsonl")


@dataclass(frozen=True, slots=True)
class Scoring:
    """The options of the command. columns: of id, text and image."""

    source: Path
    output: Path
    model: Path | None
    columns: tuple[str | None, str | None, str | None]
    encoding: str | None
    batch_rows: int
    threads: int | None
    shard_rows: int | None
    shard_format: str
    workers: int
    engine: Literal["local", "ray"]
    overwrite: bool
    on_bad_image: OnBadImage

    def run(self, progress: Callable[[int, int | None], None] | None) -> ScoreSummary:
        """Score; raise InputError where options do not go together."""
        if self.shard_format not in _FORMATS:
            raise InputError(f"--shard-format is one of {', '.join(_FORMATS)}, not {self.shard_format}")
        if self.engine == "ray":
            from posthue.runtime.scoring.shards.ray import score_on_ray  # noqa: PLC0415

            return score_on_ray(self._job(), workers=self.workers, overwrite=self.overwrite)
        if self.shard_rows is not None:
            from posthue.runtime.scoring.shards.run import score_shards  # noqa: PLC0415

            return score_shards(
                self._job(), workers=self.workers, overwrite=self.overwrite, progress=progress
            )
        if self.workers > 1:
            from posthue.runtime.scoring.shards.run import score_with_workers  # noqa: PLC0415

            return score_with_workers(
                self._job(), self.output, workers=self.workers, overwrite=self.overwrite, progress=progress
            )
        return self._one_file(progress)

    def _one_file(self, progress: Callable[[int, int | None], None] | None) -> ScoreSummary:
        import posthue  # noqa: PLC0415
        from posthue.data.tables.columns import Columns  # noqa: PLC0415
        from posthue.runtime.scoring.one_file import score_file  # noqa: PLC0415

        if self.output.is_dir():
            raise InputError(f"{self.output} is a folder: give --shard-rows to write shards into it")
        return score_file(
            self.source,
            self.output,
            posthue.load(self.model, threads=self.threads, on_bad_image=self.on_bad_image),
            columns=Columns(*self.columns),
            encoding=self.encoding,
            batch_rows=self.batch_rows,
            overwrite=self.overwrite,
            progress=progress,
        )

    def _job(self) -> ShardJob:
        from posthue.runtime.scoring.shards.job import ShardJob  # noqa: PLC0415

        id_column, text_column, image_column = self.columns
        return ShardJob(
            source=str(self.source),
            folder=str(self.output),
            model=None if self.model is None else str(self.model),
            id_column=id_column,
            text_column=text_column,
            image_column=image_column,
            encoding=self.encoding,
            shard_rows=self.shard_rows or _WORKER_ROWS,
            batch_rows=self.batch_rows,
            ending=f".{self.shard_format}",
            on_bad_image=self.on_bad_image,
            threads=self.threads,
        )
