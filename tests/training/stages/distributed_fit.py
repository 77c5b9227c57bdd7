"""Train a tiny recipe; run by torchrun in several processes: distributed_fit.py FOLDER RUN BATCH_SIZE."""

from __future__ import annotations

import sys
from pathlib import Path

from posthue.training.recipes.folders import Folders
from posthue.training.recipes.reading import recipe_from_dict
from posthue.training.run import train_recipe


def main(folder: Path, run: str, batch_size: int) -> None:
    stage = {
        "name": "words",
        "text": str(folder / "text"),
        "fusion": "single",
        "fusion_options": {"dropout": 0.0},  # processes draw different dropouts
        "epochs": 2,
        "emoji": False,
        "batch_size": batch_size,
        "learning_rate": 3e-3,
        "head_learning_rate": 1e-2,
        "precision": "fp32",
        "train": [{"corpus": "tweeteval-sentiment"}],
        "validate": [{"corpus": "tweeteval-sentiment", "split": "val", "metric": "accuracy"}],
    }
    recipe = recipe_from_dict({"name": "one", "schemes": ["sentiment", "emotion"], "stages": [stage]})
    train_recipe(recipe, Folders(folder / run, folder / "data"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
