"""Where everything of a training run is.

RUN/recipe.json · versions.json
RUN/<stage>/model/ · metrics.json · curves.csv     (checkpoints/ while it runs)
RUN/<stage>/leaks.csv · skipped.csv                (rows left out: repeats of validation, broken pictures)
RUN/bundle/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things are. run: the run folder; data: the corpora; models: local copies of encoders, or None."""

    run: Path
    data: Path
    models: Path | None = None

    @property
    def bundle(self) -> Path:
        """Where the bundle is."""
        return self.run / "bundle"

    @property
    def cache(self) -> Path:
        """Where features of frozen encoders are, and facts of pictures: beside the runs, which share them."""
        return self.run.parent / ".posthue-features"

    def stage(self, name: str) -> Path:
        """Return the folder of a stage."""
        return self.run / name

    def stage_model(self, name: str) -> Path:
        """Return where the finished model of a stage is."""
        return self.stage(name) / "model"
