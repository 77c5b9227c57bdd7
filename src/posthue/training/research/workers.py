"""Runs in several processes of one thread each: the same runs, sooner.

A worker is a new process that plans the work anew: it reads the corpus and the cached features itself, so
nothing large is sent. Lines of JSON go both ways; nothing is pickled.

to the process:   the errand · 3 · 5 …        the end of the lines ends it, at once
from the process: {"done": 3} …  or  {"error": "…", "kind": "RecipeError"}
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

import posthue.errors
from posthue.errors import PosthueError


@dataclass(frozen=True, slots=True)
class WorkSpec:
    """What makes the pieces of work, the same ones in every process: a function and its arguments.

    module, function: where it is. arguments: by keyword, plain data and paths, which arrive as texts.
    """

    module: str
    function: str
    arguments: Mapping[str, Any]

    def plan(self) -> Sequence[Callable[[], object]]:
        """Return the pieces of work."""
        found: Sequence[Callable[[], object]] = getattr(import_module(self.module), self.function)(
            **self.arguments
        )
        return found


def in_processes(errand: WorkSpec, wanted: Sequence[int], workers: int) -> Iterator[int]:
    """Do the pieces of work with these numbers; give each number back when it is done.

    Raises the first error of a piece, and PosthueError if a worker ends; what is done stays done.
    """
    idle: SimpleQueue[_Worker] = SimpleQueue()

    def do(number: int) -> int:
        worker = idle.get()
        try:
            return worker.do(number)
        finally:
            idle.put(worker)  # one that ended, too: the next piece learns it as well

    with ExitStack() as stack:
        for _ in range(workers):
            idle.put(stack.enter_context(_Worker(errand)))
        pool = ThreadPoolExecutor(workers)
        try:
            for future in as_completed([pool.submit(do, number) for number in wanted]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


class _Worker:
    """This side of a worker's pipe; a context manager that ends it."""

    def __init__(self, errand: WorkSpec) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "posthue.training.research.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._send(json.dumps(asdict(errand), default=str))

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def do(self, number: int) -> int:
        """Have a piece of work done; raise what the worker raised."""
        self._send(str(number))
        line = _pipe(self._process.stdout).readline()
        if not line.endswith("\n"):
            raise PosthueError(
                "a worker process ended before its work did (too little memory?): call the same command "
                "again, it goes on from here; --workers 1 needs the least memory"
            )
        said = json.loads(line)
        if "error" in said:
            raise getattr(posthue.errors, said["kind"], PosthueError)(said["error"])
        return int(said["done"])

    def _send(self, line: str) -> None:
        with suppress(BrokenPipeError):  # read as the end of its answers
            _pipe(self._process.stdin).write(line + "\n")
            _pipe(self._process.stdin).flush()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def main(given: IO[str], told: IO[str]) -> None:
    """Answer the lines of ``given``; when they end, or the parent does, the process leaves at once."""
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_read, args=(given, lines), daemon=True).start()
    errand = WorkSpec(**json.loads(lines.get()))
    work: Sequence[Callable[[], object]] | None = None
    while True:
        number = int(lines.get())
        try:
            work = errand.plan() if work is None else work
            work[number]()
            said: Mapping[str, object] = {"done": number}
        except PosthueError as error:
            said = {"error": str(error), "kind": type(error).__name__}
        told.write(json.dumps(said) + "\n")
        told.flush()


def _read(given: IO[str], lines: SimpleQueue[str]) -> None:
    for line in given:
        lines.put(line)
    os._exit(0)


def _leave(*_: Any) -> None:
    os._exit(130)


def _quiet() -> None:
    """The encoders were loaded, with a progress bar, by the parent."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _leave)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    _quiet()
    main(sys.stdin, answers)
