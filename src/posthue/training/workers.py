"""Runs in several processes of one thread each: the same runs, sooner.

A worker is spawned, not forked, and plans the work anew: it reads the corpus and the cached features itself,
so nothing large is sent.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeAlias

from posthue.errors import PosthueError

#: Makes the pieces of work, the same ones in every process; it is sent to the workers, so it must pickle.
Plan: TypeAlias = Callable[[], Sequence[Callable[[], object]]]

_work: list[Callable[[], object]] = []


def in_processes(plan: Plan, wanted: Sequence[int], workers: int) -> Iterator[int]:
    """Do the pieces of work with these numbers; give each number back when it is done.

    Raises the first error of a piece, and PosthueError if a worker ends; what is done stays done.
    """
    context = get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(plan,))
    try:
        for future in as_completed([pool.submit(_do, number) for number in wanted]):
            yield future.result()
    except BrokenProcessPool:
        raise PosthueError(
            "a worker process ended before its work did (too little memory?): call the same command again, "
            "it goes on from here; --workers 1 needs the least memory"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(plan: Plan) -> None:
    signal.signal(signal.SIGINT, _leave)
    Thread(target=_leave_with_parent, daemon=True).start()
    _quiet()
    _work[:] = plan()


def _do(number: int) -> int:
    _work[number]()
    return number


def _leave(*_: Any) -> None:
    os._exit(130)


def _leave_with_parent() -> None:
    """A pool's worker outlives a parent that was killed, and waits for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        _leave()


def _quiet() -> None:
    """The encoders were loaded, with a progress bar, by the parent."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
