"""One epoch of a head: on cached features, and with the frozen encoders run again, side by side.

    python benchmarks/head_path.py --data DIR --encoders DIR          MVSA-Single's train split
    python benchmarks/head_path.py --encoders DIR                     made posts

Both train the same joint fusion on the same posts with the same batches. The encoders run without gradients,
on texts sorted by length, so that they lose nothing to padding. The contestants take turns; the ratio is the
median over the rounds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import torch

from _measuring import RESULTS, interleaved, made_pictures, made_texts, ratios, write_results
from posthue.data.corpora import load_corpus
from posthue.labels import SCHEMES
from posthue.posts import Post
from posthue.training.features.encode import encode_posts
from posthue.training.features.encoders import FrozenEncoder
from posthue.training.features.inputs import FeatureView
from posthue.training.features.post_features import PostFeatures
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.head_settings import HeadSettings
from posthue.training.recipes.schema import Stage
from posthue.training.research.candidates import candidate
from posthue.training.research.corpus import IMAGE_ENCODER, TEXT_ENCODER
from posthue.training.research.heads import train_head
from posthue.training.stages.build import build

BATCH = 64
ONE_EPOCH = HeadSettings(epochs=1, batch_size=BATCH)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with mvsa-single/; made posts if left out")
    parser.add_argument("--encoders", type=Path, help="folder of local encoders, looked in before the Hub")
    parser.add_argument("--n", type=int, default=512, help="posts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS / "head_path.csv")
    return parser.parse_args()


class Contest:
    """The same posts for both ways."""

    def __init__(self, posts: list[Post], models: Path | None, cache: str) -> None:
        stage = Stage("x", (), (), text=TEXT_ENCODER, image=IMAGE_ENCODER, freeze=("text", "image"))
        built = build(stage, ("sentiment",), Folders(Path(), Path(), models))
        self.model, self.processor = built.model, built.processor
        self.posts, self.cache = sorted(posts, key=lambda post: len(post.text or "")), cache
        labels = np.random.default_rng(0).integers(0, 3, len(posts))
        self.targets = {"sentiment": torch.eye(3)[torch.from_numpy(labels)]}
        self.cached(0)  # fill the cache

    def cached(self, _: int) -> None:
        encoders = [FrozenEncoder.of(self.model, self.processor, m) for m in ("text", "image")]
        text, image = (encode_posts(e, self.posts, FeatureView(), self.cache).pooled for e in encoders)
        self.read = (torch.from_numpy(text), torch.from_numpy(image))
        self.epoch(0)

    def epoch(self, _: int) -> None:
        """Train on features that are in memory, as every epoch after the first does."""
        self._train(*self.read)

    def encoders(self, _: int) -> None:
        """Run the encoders batch by batch, then train on what they gave."""
        parts = [self._encode(self.posts[i : i + BATCH]) for i in range(0, len(self.posts), BATCH)]
        text, image = (torch.cat([part[i] for part in parts]) for i in (0, 1))
        self._train(text, image)

    @torch.inference_mode()
    def _encode(self, posts: list[Post]) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = {k: v for k, v in self.processor(posts).items() if k != "present"}
        text, image = self.model.eval().encode(**inputs)
        assert text is not None
        assert image is not None
        return text.pooled.clone(), image.pooled.clone()

    def _train(self, text: torch.Tensor, image: torch.Tensor) -> None:
        present = torch.ones(len(text), 2, dtype=torch.bool)
        data = PostFeatures(text.clone(), image.clone(), present, self.targets)
        few = data.select(range(min(8, len(data))))
        schemes = {"sentiment": len(SCHEMES["sentiment"])}
        train_head(
            lambda: candidate("joint").make(text.shape[1], image.shape[1], schemes), data, few, ONE_EPOCH
        )


def posts_of(options: argparse.Namespace, folder: Path) -> list[Post]:
    if options.data is None:
        pictures = made_pictures(folder, options.n)
        return [Post(text, path) for text, path in zip(made_texts(options.n), pictures, strict=True)]
    examples = load_corpus("mvsa-single", options.data).splits["train"]
    whole = [e.post for e in examples if len(e.post.modalities) == 2]
    return whole[: options.n]


def main() -> None:
    options = parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        posts = posts_of(options, Path(folder))
        contest = Contest(posts, options.encoders, str(Path(folder) / "cache"))
        ways = {
            "head on cached features": contest.epoch,
            "the same, features read from the cache first": contest.cached,
            "frozen encoders run again": contest.encoders,
        }
        seconds = interleaved(ways, options.rounds)
    slow = seconds["frozen encoders run again"]
    rows = []
    for name, found in seconds.items():
        middle, least, most = ratios(found, slow)
        rows.append(
            {
                "way": name,
                "posts": len(posts),
                "seconds_per_epoch": f"{median(found):.4f}",
                "times_as_fast": f"{middle:.1f}",
                "least": f"{least:.1f}",
                "most": f"{most:.1f}",
                "rounds": options.rounds,
                "threads": options.threads,
            }
        )
    write_results(options.output, rows)


if __name__ == "__main__":
    main()
