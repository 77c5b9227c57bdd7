"""What every benchmark needs: made posts, facts of the machine, medians, and tables of results."""

from __future__ import annotations

import csv
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

Item = TypeVar("Item")
RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
PACKAGES = ("posthue", "onnxruntime", "openvino", "tokenizers", "numpy", "torch", "transformers")
#: Options whose value is a place on this machine, which is nobody else's business.
PLACES = ("--data", "--encoders", "--model", "--output")

_WORDS = [
    "the",
    "a",
    "to",
    "and",
    "i",
    "you",
    "of",
    "in",
    "is",
    "it",
    "my",
    "for",
    "on",
    "that",
    "me",
    "so",
    "this",
    "be",
    "just",
    "with",
    "not",
    "at",
    "but",
    "have",
    "was",
    "are",
    "what",
    "day",
    "love",
    "good",
    "happy",
    "sad",
    "never",
    "again",
    "today",
    "morning",
    "night",
    "game",
    "team",
    "music",
    "coffee",
    "rain",
    "train",
    "people",
    "friends",
    "really",
    "going",
    "home",
    "work",
    "school",
    "time",
    "week",
    "monday",
    "friday",
    "finally",
    "still",
    "best",
    "worst",
    "why",
    "how",
    "did",
    "they",
    "her",
    "him",
    "our",
    "we",
    "can't",
    "don't",
    "won't",
    "it's",
    "i'm",
    "omg",
    "lol",
    "please",
    "thanks",
    "sorry",
    "hate",
    "weather",
    "summer",
    "winter",
    "birthday",
    "weekend",
    "concert",
    "movie",
    "season",
    "match",
    "waiting",
    "beautiful",
    "terrible",
]
_EXTRAS = (
    "@anna",
    "@some_user",
    "#monday",
    "#blessed",
    "#fail",
    "https://t.co/a1b2c3",
    "😂",
    "😭",
    "❤️",
    "!!!",
)


def made_texts(count: int, seed: int = 0) -> list[str]:
    """Different texts as long as tweets are: about 19 words on average, 4 to 40."""
    draw = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        length = min(40, max(4, round(draw.gauss(19, 7))))
        words = [draw.choice(_EXTRAS if draw.random() < 0.1 else _WORDS) for _ in range(length)]
        texts[" ".join(words)] = None
    return list(texts)


def made_pictures(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write ``count`` JPEGs of about 600 pixels, as smooth and as noisy as photos are."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(seed)
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for path in paths:
        size = (int(draw.integers(480, 720)), int(draw.integers(400, 640)))
        rough = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size)
        noise = draw.normal(0, 8, (size[1], size[0], 3))
        Image.fromarray((np.asarray(rough) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=85)
    return paths


def timed(job: Callable[[], object]) -> float:
    """Seconds that ``job`` takes."""
    start = perf_counter()
    job()
    return perf_counter() - start


def interleaved(contestants: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant per round; each round starts with another one, so noise hits all alike."""
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            seconds[name].append(timed(lambda run=contestants[name], number=number: run(number)))
    return seconds


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """How many times as fast we are: the median, the least and the most over the rounds."""
    found = [their / our for our, their in zip(ours, theirs, strict=True)]
    return median(found), min(found), max(found)


def peak_of(job: Callable[[], object]) -> float | None:
    """MiB that ``job`` takes at its peak above what was held before; None where the system does not say."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # start the high-water mark anew
        before = _status("VmRSS")
        job()
        return (_status("VmHWM") - before) / 2**10
    except OSError:
        job()
        return None


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def rounds_of(items: Sequence[Item], rounds: int) -> list[list[Item]]:
    """Deal the items to the rounds; every round gets equally many (a rest is left out), none the same."""
    each = len(items) // rounds
    return [list(items[number::rounds][:each]) for number in range(rounds)]


def shown_command(args: Sequence[str]) -> str:
    """The command as it may be published: without the places of this machine."""
    shown: list[str] = []
    for arg in args:
        option, separator, _ = arg.partition("=")
        if shown and shown[-1] in PLACES:
            shown.append(shown[-1].lstrip("-").upper())
        elif option in PLACES and separator:
            shown.append(f"{option}={option.lstrip('-').upper()}")
        else:
            shown.append(arg)
    return " ".join(["python", f"benchmarks/{Path(shown[0]).name}", *shown[1:]])


def facts() -> dict[str, object]:
    """Where and with what this was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "command": shown_command(sys.argv),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions(),
    }


def versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def commit() -> str:
    """The commit of this checkout, with + where files differ from it; empty outside a checkout."""
    try:
        folder = RESULTS.parent
        done = [
            subprocess.run(
                ["git", *args], cwd=folder, capture_output=True, text=True, check=True
            ).stdout.strip()
            for args in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", "../src"))
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done[0] + "+" * bool(done[1])


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def write_results(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows, each with the facts, as csv, and print them as a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    full = [{**row, **facts()} for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(full[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(full)
    print_table(rows)
    print(f"{facts()['cpu']}, {facts()['cores']} cores; {versions()}\nwritten: {path}")


def write_markdown(path: Path, rows: Sequence[Mapping[str, object]], *, title: str) -> None:
    """Write the rows as a Markdown table, with the facts under it."""
    head = list(rows[0])
    lines = [f"# {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(str(row[name]) for name in head)} |" for row in rows]
    known = facts()
    lines += ["", f"{known['cpu']}, {known['cores']} cores, {known['date']}, {known['versions']}."]
    lines += ["", f"`{known['command']}`"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
