"""What a second worker gains: ``posthue score --workers`` and ``--engine ray``, one thread for each worker.

    python benchmarks/scaling.py [--model BUNDLE] [--rows 20000] [--engines local ray]

Every run is a process of its own, and its time is the wall clock from start to exit, loading and Ray's start
with it. ``gain`` is against one worker of the same engine; ``steady_gain`` leaves out the start, which is
measured with few rows.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path

from _measuring import RESULTS, write_results
from memory import run, write_texts

FEW = 64


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder of a bundle; the shipped one if left out")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--engines", nargs="*", default=installed(), choices=["local", "ray"])
    parser.add_argument("--output", type=Path, default=RESULTS / "scaling.csv")
    args = parser.parse_args()
    model = ["--model", args.model] if args.model else []
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        many = write_texts(Path(scratch) / "many.csv", args.rows)
        few = write_texts(Path(scratch) / "few.csv", FEW)
        for engine in args.engines:
            base: tuple[float, float] | None = None
            for workers in args.workers:
                settings = ["--engine", engine, "--workers", str(workers), "--threads", "1", *model]
                settings += ["--shard-rows", "1024", "--overwrite"]
                spent = [
                    run(
                        ["score", str(source), "-o", str(Path(scratch) / f"{engine}-{workers}"), *settings]
                    ).seconds
                    for source in (few, many)
                ]
                steady = spent[1] - spent[0]
                base = base or (spent[1], steady)
                rows.append(
                    {
                        "engine": engine,
                        "workers": workers,
                        "rows": args.rows,
                        "seconds": f"{spent[1]:.1f}",
                        "start_seconds": f"{spent[0]:.1f}",
                        "rows_per_second": f"{args.rows / spent[1]:.0f}",
                        "gain": f"{base[0] / spent[1]:.2f}",
                        "steady_gain": f"{base[1] / steady:.2f}",
                    }
                )
    write_results(args.output, rows)


def installed() -> list[str]:
    return ["local", "ray"] if find_spec("ray") is not None else ["local"]


if __name__ == "__main__":
    main()
