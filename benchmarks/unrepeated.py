"""Accuracy of finished ``posthue compare`` runs on the posts that do not nearly repeat a training post.

    python benchmarks/unrepeated.py OUT --corpus mvsa-single --data DIR

Official splits have near-duplicates across them, and a model that counts words knows those by heart. Near
is what ``posthue data check`` calls so, in text or in picture. Condition ``both``; mean and standard
deviation over the seeds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from _measuring import RESULTS, write_results
from posthue import Post
from posthue.data.corpora import load_corpus
from posthue.data.duplicates.posts import group_posts
from posthue.evaluation.runs import read_run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="OUT of posthue compare")
    parser.add_argument("--corpus", default="mvsa-single")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--train-split", default="train")
    parser.add_argument("--eval-split", default="dev")
    parser.add_argument("--output", type=Path, default=RESULTS / "unrepeated.csv")
    options = parser.parse_args()
    splits = load_corpus(options.corpus, options.data).splits
    repeated = repeats(
        [e.post for e in splits[options.train_split]], [e.post for e in splits[options.eval_split]]
    )
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for path in sorted((options.runs / "predictions").glob("*.parquet")):
        run = read_run(path)
        answers = run.conditions["both"]
        right = answers.predicted == answers.true
        again = np.array([post in repeated for post in answers.ids])
        found[run.model].append((right.mean(), right[~again].mean(), right[again].mean()))
    rows = []
    for model, values in found.items():
        means, stds = np.mean(values, axis=0), np.std(values, axis=0, ddof=min(1, len(values) - 1))
        named = zip(("all", "unrepeated", "repeated"), means, stds, strict=True)
        cells = {name: f"{mean:.4f} ± {std:.4f}" for name, mean, std in named}
        rows.append({"model": model, "seeds": len(values), "n": len(answers.ids), **cells})
        rows[-1]["n_repeated"] = int(again.sum())
    write_results(options.output, rows)


def repeats(train: list[Post], evaluated: list[Post]) -> set[str]:
    """Return the ids of the evaluated posts that are in one group with a training post."""
    groups = group_posts([*train, *evaluated])
    known = set(groups[: len(train)])
    return {
        str(post.id) for post, group in zip(evaluated, groups[len(train) :], strict=True) if group in known
    }


if __name__ == "__main__":
    main()
