"""A recipe for the made crowd, and a script that does it and kills itself in the middle of a stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from bundle_factory import make_bundle
from crowd_factory import write_crowd
from posthue.training.distill.pipeline import Places
from posthue.training.distill.recipe import DistillRecipe, distill_recipe_from_dict

TESTS = Path(__file__).parent.parent
KEEP = {"positive": 0.5, "neutral": 0.4, "negative": 0.5}

#: argv: recipe, data, run, stage. SIGKILL comes when that stage has written its first batch.
KILLING = """
import os, signal, sys
from pathlib import Path
from posthue.data.tables.writer import TableWriter
from posthue.training.distill.pipeline import Places, run_distill
from posthue.training.distill.recipe import read_distill_recipe

write = TableWriter.write
def killing(self, table):
    write(self, table)
    if table.num_rows and sys.argv[4] in self.path.name:
        os.kill(os.getpid(), signal.SIGKILL)
TableWriter.write = killing
run_distill(read_distill_recipe(sys.argv[1]), Places(Path(sys.argv[3]), Path(sys.argv[2])), progress=False)
"""


def make_place(folder: Path) -> Path:
    """A folder with data/ (the crowd) and tiny/ (the teacher)."""
    write_crowd(folder / "data")
    make_bundle(folder / "tiny")
    return folder


def values(place: Path, **changes: Any) -> dict[str, Any]:
    """The recipe as plain data."""
    return {
        "name": "tiny-student",
        "posts": {"table": "posts.csv", "language_column": "lang"},
        "teacher": {"model": str(place / "tiny"), "threads": 1},
        "keep": KEEP,
        "least": 3,
        "balance": "undersample",
        "fractions": {"train": 0.6, "val": 0.2, "test": 0.2},
        "seed": 1,
        **changes,
    }


def recipe(place: Path, **changes: Any) -> DistillRecipe:
    return distill_recipe_from_dict(values(place, **changes))


def places(place: Path, run: Path) -> Places:
    return Places(run, place / "data")


def kill_in(stage: str, recipe_file: Path, data: Path, run: Path) -> int:
    """Distil in another process until SIGKILL in a stage; return the exit status."""
    command = [sys.executable, "-c", KILLING, str(recipe_file), str(data), str(run), stage]
    return subprocess.run(command, capture_output=True, cwd=TESTS, check=False).returncode
