"""Work in other processes: lines of JSON go both ways, so nothing is pickled and nothing large is sent.

to the process:   the work · 3 · 5 …                the end of the lines, or of the parent, ends it at once
from the process: {"progress": 512} … {"done": …}   or   {"error": "…", "kind": "TableError"}
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
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, TypeAlias

import posthue.errors
from posthue.errors import PosthueError

Progress: TypeAlias = Callable[[int], None]
#: Does one piece, by its number, and returns plain data.
DoPiece: TypeAlias = Callable[[int, Progress], object]


class WorkerDiedError(PosthueError):
    """The process of a worker ended before its work did."""


@dataclass(frozen=True, slots=True)
class WorkSpec:
    """Numbered pieces of work, the same in every process.

    module, function: what gets ready for them: it is called with ``arguments`` and returns a DoPiece.
    arguments: plain data, and paths, which arrive as texts. environment: variables of the process.
    """

    module: str
    function: str
    arguments: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> DoPiece:
        """Return what does the pieces."""
        done: DoPiece = getattr(import_module(self.module), self.function)(self.arguments)
        return done


class WorkerProcess:
    """A running worker; a context manager that ends it."""

    def __init__(self, work: WorkSpec) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "posthue.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **work.environment},
        )
        self.pid = self._process.pid
        self._send(json.dumps(asdict(work), default=str))

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()

    def do(self, number: int, progress: Progress = lambda _: None) -> Any:
        """Have a piece done; return what it gives. Progress is taken back where it fails.

        Raises what the piece raised, and WorkerDiedError.
        """
        self._send(str(number))
        count = 0
        try:
            while "progress" in (message := self._receive()):
                count += message["progress"]
                progress(message["progress"])
            if "error" in message:
                raise getattr(posthue.errors, message["kind"], PosthueError)(message["error"])
        except PosthueError:
            progress(-count)
            raise
        return message["done"]

    def _receive(self) -> dict[str, Any]:
        line = _pipe(self._process.stdout).readline()
        if not line.endswith("\n"):
            raise WorkerDiedError(
                f"a worker process ended before its work did (exit code {self._process.wait()}): fewer "
                "workers need less memory, and the same command goes on from here"
            )
        message: dict[str, Any] = json.loads(line)
        return message

    def _send(self, line: str) -> None:
        with suppress(BrokenPipeError):  # read as the end of its answers
            pipe = _pipe(self._process.stdin)
            pipe.write(line + "\n")
            pipe.flush()


def do_all(
    work: WorkSpec, numbers: Sequence[int], workers: int, *, here: Callable[[int], object]
) -> Iterator[int]:
    """Do pieces of work in so many processes, or by ``here`` if one is enough; give back each that is done.

    Raises the first error of a piece, and WorkerDiedError; what is done stays done.
    """
    if min(workers, len(numbers)) > 1:
        yield from _in_processes(work, numbers, min(workers, len(numbers)))
    else:
        for number in numbers:
            here(number)
            yield number


def _in_processes(work: WorkSpec, numbers: Sequence[int], workers: int) -> Iterator[int]:
    idle: SimpleQueue[WorkerProcess] = SimpleQueue()

    def do(number: int) -> int:
        worker = idle.get()
        try:
            worker.do(number)
            return number
        finally:
            idle.put(worker)  # one that ended, too: the next piece learns it as well

    with ThreadPoolExecutor(workers) as pool, ExitStack() as stack:
        for _ in range(workers):
            idle.put(stack.enter_context(WorkerProcess(work)))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # before the workers end
        for future in as_completed([pool.submit(do, number) for number in numbers]):
            yield future.result()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def main(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests; when they end, or the parent does, the process leaves at once."""
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_read, args=(requests, lines), daemon=True).start()

    def answer(name: str, value: object, **more: object) -> None:
        answers.write(json.dumps({name: value, **more}) + "\n")
        answers.flush()

    work = WorkSpec(**json.loads(lines.get()))
    do: DoPiece | None = None
    while True:
        number = int(lines.get())
        try:
            do = do or work.prepare()
            answer("done", do(number, partial(answer, "progress")))
        except PosthueError as error:
            answer("error", str(error), kind=type(error).__name__)


def _read(requests: IO[str], lines: SimpleQueue[str]) -> None:
    for line in requests:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends this one
    pipe_of_answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    with suppress(BrokenPipeError):
        main(sys.stdin, pipe_of_answers)
