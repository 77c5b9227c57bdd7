"""A process that writes shards, and this side of its pipe. Lines of JSON go both ways; nothing is pickled.

to the process:   the job · {"shard": 3} · {"shard": 5} …          the end of the lines ends it
from the process: {"rows": 512} … {"done": {…}}  or  {"error": "…", "kind": "TableError"}
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

import posthue.errors
from posthue.errors import PosthueError
from posthue.runtime.scoring.shards.job import Progress, ShardDone, ShardJob, ShardScorer, parent_is_gone


class WorkerDiedError(PosthueError):
    """The process of a worker ended before its shard was whole."""


class WorkerProcess:
    """A running worker; a context manager that ends it."""

    def __init__(self, job: ShardJob) -> None:
        command = [sys.executable, "-m", "posthue.runtime.scoring.shards.worker"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=_environment(job),
        )
        self.pid = self._process.pid
        self._send(asdict(job))

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._pipe(self._process.stdin).close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe(self._process.stdout).close()

    def score(self, index: int, progress: Progress) -> ShardDone:
        """Have a shard written; raise WorkerDiedError, or what the worker raised."""
        self._send({"shard": index})
        told = 0
        while True:
            said = self._receive(index, told, progress)
            if "done" in said:
                return ShardDone(**said["done"])
            if "error" in said:
                progress(-told)
                raise getattr(posthue.errors, said["kind"], PosthueError)(said["error"])
            told += said["rows"]
            progress(said["rows"])

    def _receive(self, index: int, told: int, progress: Progress) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if not line.endswith("\n"):
            progress(-told)
            raise WorkerDiedError(f"the worker of shard {index} ended (exit code {self._process.wait()})")
        found: dict[str, Any] = json.loads(line)
        return found

    def _send(self, message: Mapping[str, object]) -> None:
        with suppress(BrokenPipeError):  # read as the end of its answers
            pipe = self._pipe(self._process.stdin)
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def _environment(job: ShardJob) -> dict[str, str]:
    """A worker keeps to its threads, in every library that would take all cores."""
    threads = str(job.threads or 1)
    return {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "RAYON_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
    }


def main(given: IO[str], told: IO[str]) -> None:
    """Answer the lines of ``given`` until they end, or until the parent does."""
    parent = os.getppid()
    scorer: ShardScorer | None = None

    def tell(message: Mapping[str, object]) -> None:
        told.write(json.dumps(message) + "\n")
        told.flush()

    def progress(rows: int) -> None:
        if parent_is_gone(parent):
            raise SystemExit(1)
        tell({"rows": rows})

    job = ShardJob(**json.loads(given.readline()))
    for line in given:
        try:
            scorer = scorer or ShardScorer(job)
            tell({"done": scorer.score(json.loads(line)["shard"], progress).to_dict()})
        except PosthueError as error:
            scorer = None
            tell({"error": str(error), "kind": type(error).__name__})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends this one
    with suppress(BrokenPipeError):
        main(sys.stdin, sys.stdout)
