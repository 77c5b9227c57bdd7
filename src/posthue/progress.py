"""The one progress bar, on stderr: what is done, how much, how fast, and the time that is left (rich)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: Takes how many are done, and how many there are in all (None: unknown).
Advance = Callable[[int, int | None], None]

_open: list[Progress] = []  # at most one: a bar that is begun under another one joins it


@contextmanager
def progress_bar(name: str, *, unit: str = "posts", shown: bool | None = None) -> Iterator[Advance]:
    """Yield a function that moves a bar. shown: None shows it on a terminal only."""
    if not (sys.stderr is not None and sys.stderr.isatty() if shown is None else shown):
        yield lambda done, total: None
        return
    outermost = not _open
    bars = _bars() if outermost else _open[0]
    if outermost:
        bars.start()
        _open.append(bars)
    task = bars.add_task(name, total=None, rate="", left="")
    start: tuple[int, float] | None = None  # a job that is resumed does not begin at 0

    def advance(done: int, total: int | None) -> None:
        nonlocal start
        before, began = start = start or (done, monotonic())
        rate = (done - before) / max(monotonic() - began, 1e-3)
        left = _left((total - done) / rate) if rate and total is not None and total >= done else ""
        speed = f"{rate:,.{0 if rate >= 10 else 1}f} {unit}/s" if rate else ""
        bars.update(task, completed=done, total=total, rate=speed, left=left)

    try:
        yield advance
    finally:
        if outermost:
            _open.clear()
            bars.stop()
        else:
            bars.remove_task(task)


def _bars() -> Progress:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    texts = [TextColumn(f"{{task.fields[{name}]}}") for name in ("rate", "left")]
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), *texts)
    return Progress(*columns, console=Console(stderr=True))


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} left"
