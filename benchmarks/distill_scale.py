"""Distillation without its teacher and student, on a made crowd of a million posts: minutes and memory.

    python benchmarks/distill_scale.py [--rows 1000000] [--output docs/results/distill_scale.csv]

The crowd is a parquet table of texts (of real length, every hundredth a repost, every twentieth in
Spanish), 64-byte fingerprints of pictures of which every tenth is a near-duplicate (1 to 20 of 512
bits), and made-up teacher probabilities. Measured: select (language detection included), filter, dedup,
balance, split; wall-clock, CPU seconds, and peak resident memory of the process that does them. Making
the table is not measured.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import resource
import shlex
import sys
import tempfile
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from posthue.training.distill.pipeline import Places, run_distill
from posthue.training.distill.recipe import DistillRecipe, Posts
from posthue.training.distill.store import BATCH_ROWS, STAGES

ENGLISH = """so happy to see all of my friends tonight at the game what a great day for this city we love
the new show and cannot wait for summer please watch this video about the little dog that was lost"""
SPANISH = "que día tan bonito para estar con toda la familia en la playa antes de volver a la ciudad"
LANGUAGES = (ENGLISH.split(), SPANISH.split())


class MadeTeacher:
    """Says the same of the same text, quickly."""

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Return [texts, 3], sharp as a real teacher's."""
        seeds = np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.uint64)
        logits = np.stack(
            [((seeds * np.uint64(k)) % np.uint64(1009)).astype(float) / 160 for k in (3, 7, 11)], axis=1
        )
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def write_crowd(path: Path, rows: int, seed: int = 0) -> None:
    """Write the table, batch by batch."""
    rng = np.random.default_rng(seed)
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("print", pa.binary(64))])
    recent = rng.integers(0, 256, (BATCH_ROWS, 64), dtype=np.uint8)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, BATCH_ROWS):
            n = min(BATCH_ROWS, rows - start)
            prints = rng.integers(0, 256, (n, 64), dtype=np.uint8)
            for row in range(0, n, 10):
                prints[row] = recent[rng.integers(len(recent))]
                for bit in rng.choice(512, rng.integers(1, 21), replace=False):
                    prints[row, bit // 8] ^= np.uint8(1 << int(bit % 8))
            recent = prints
            texts = [made_text(rng, start + row) for row in range(n)]
            ids = [str(start + row) for row in range(n)]
            raw = [row.tobytes() for row in prints]
            writer.write_table(pa.table([ids, texts, pa.array(raw, pa.binary(64))], schema=schema))


def made_text(rng: np.random.Generator, number: int) -> str:
    words = " ".join(rng.choice(LANGUAGES[number % 20 == 7], rng.integers(4, 22)))
    return f"RT @user{number} {words}" if number % 100 == 3 else f"{words} https://t.co/{number}"


def distil(folder: Path, queue: multiprocessing.Queue) -> None:
    """Do the stages in a process of its own and report seconds, memory and counts."""
    from posthue.training.distill import pipeline

    pipeline.make_teacher = lambda *_: MadeTeacher()
    recipe = DistillRecipe(
        "scale",
        Posts(table="crowd.parquet", fingerprint_column="print"),
        keep={"positive": 0.9, "neutral": 0.9, "negative": 0.7},
    )
    places = Places(folder / "run", folder)
    for stage in STAGES:
        wall, cpu = time.monotonic(), time.process_time()
        done = run_distill(recipe, places, until=stage, progress=False)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        kept = dict(done.stages)[stage].total
        queue.put((stage, kept, time.monotonic() - wall, time.process_time() - cpu, peak))
    queue.put(None)


def main() -> None:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_crowd(Path(name) / "crowd.parquet", options.rows)
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        worker = context.Process(target=distil, args=(Path(name), queue))
        worker.start()
        rows = list(iter(queue.get, None))
        worker.join()
    measured = [row for row in rows if row[0] != "teach"]
    rows.append(
        ("all but teach", "", *(sum(r[i] for r in measured) for i in (2, 3)), max(r[4] for r in rows))
    )
    for stage, kept, wall, cpu, peak in rows:
        print(f"{stage}: kept {kept}, {wall:.1f} s wall, {cpu:.1f} s CPU, peak {peak:.0f} MiB", flush=True)
    if options.output is not None:
        write(options.output, rows, options.rows)


def write(path: Path, rows: list[tuple[object, ...]], posts: int) -> None:
    """Write the csv with what made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = (posts, os.cpu_count(), shlex.join(["python", *sys.argv]), datetime.now(UTC).date().isoformat())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["stage", "kept", "seconds", "cpu_seconds", "peak_mib", "posts", "cores", "command", "date"]
        )
        writer.writerows(
            [stage, kept, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}", *made]
            for stage, kept, wall, cpu, peak in rows
        )


if __name__ == "__main__":
    main()
