"""Peak memory of ``posthue score``, and the time to the first answer of ``posthue predict``.

    python benchmarks/memory.py [--model BUNDLE]

Every figure is of a process of its own: memory is what the kernel says was the most (ru_maxrss), at several
numbers of rows, to show that it does not grow with them; time is the wall clock from start to exit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from _measuring import RESULTS, made_pictures, made_texts, write_results


class Spent(NamedTuple):
    """What a process took: seconds of wall clock and MiB at most."""

    seconds: float
    mib: float


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder of a bundle; the shipped one if left out")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--starts", type=int, default=5, help="cold starts per kind of post")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="folder of memory.csv and cold_start.csv"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    model = ["--model", args.model] if args.model else []
    with tempfile.TemporaryDirectory() as scratch:
        if args.starts:
            write_results(args.output / "cold_start.csv", start_rows(args.starts, model, Path(scratch)))
        if args.rows:
            write_results(args.output / "memory.csv", memory_rows(args.rows, model, Path(scratch)))


def start_rows(starts: int, model: Sequence[str], scratch: Path) -> list[dict[str, object]]:
    picture = str(made_pictures(scratch, 1)[0])
    text = "what a lovely morning"
    rows = []
    for kind, args in (("text", [text]), ("image", ["-i", picture]), ("both", [text, "-i", picture])):
        spent = [run(["predict", *args, *model]) for _ in range(starts)]
        seconds = [one.seconds for one in spent]
        rows.append(
            {
                "post": kind,
                "n": starts,
                "median_s": f"{median(seconds):.2f}",
                "least_s": f"{min(seconds):.2f}",
                "most_s": f"{max(seconds):.2f}",
                "peak_mib": f"{median(one.mib for one in spent):.0f}",
            }
        )
    return rows


def memory_rows(counts: Sequence[int], model: Sequence[str], scratch: Path) -> list[dict[str, object]]:
    rows = []
    for count in counts:
        source = write_texts(scratch / f"{count}.csv", count)
        spent = run(["score", str(source), "-o", str(scratch / f"{count}.out.csv"), *model])
        rows.append(
            {
                "rows": count,
                "peak_mib": f"{spent.mib:.0f}",
                "seconds": f"{spent.seconds:.1f}",
                "rows_per_second": f"{count / spent.seconds:.0f}",
            }
        )
    return rows


def write_texts(path: Path, count: int) -> Path:
    """A csv of made texts, all different.

    Written by another process: a process that we start inherits our own peak of memory as its least.
    """
    code = "import sys, memory; memory.make_csv(memory.Path(sys.argv[1]), int(sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", code, str(path), str(count)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        check=True,
    )
    return path


def make_csv(path: Path, count: int) -> None:
    """Write the csv, in this process."""
    lines = (f"{number},{text}\n" for number, text in enumerate(made_texts(count)))
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text\n")
        file.writelines(lines)


def run(args: Sequence[str]) -> Spent:
    """Run one posthue command; a failing one ends the benchmark with what it said."""
    start = perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*posthue_command(), *args], stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode("utf-8", "replace").strip() or f"exit code {process.returncode}")
    return Spent(seconds, mebibytes(usage.ru_maxrss))


def posthue_command() -> list[str]:
    """The installed command beside this Python, or the module."""
    script = Path(sys.executable).with_name("posthue")
    return [str(script)] if script.exists() else [sys.executable, "-m", "posthue"]


def mebibytes(maxrss: int, platform: str = sys.platform) -> float:
    """ru_maxrss is in KiB, on macOS in bytes."""
    return maxrss / 2**20 if platform == "darwin" else maxrss / 2**10


if __name__ == "__main__":
    main()
