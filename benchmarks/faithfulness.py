"""Measure whether explanations are true of the model: deletion and insertion curves against random orders.

    python benchmarks/faithfulness.py --data DIR [--n 200] [--model BUNDLE] [--output FILE.csv]

Posts: the first n of a seeded shuffle of mvsa-single dev that have a text and a picture. A gain is the area
between the curve of the explanation and the mean curve of three random orders (see
posthue.evaluation.faithfulness), with a 95 % bootstrap interval over posts: above 0 is better than chance.
"in the post": the other modality stays; "alone": the modality by itself. Also the time of an explanation.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

import posthue
from posthue.data.corpora import load_corpus
from posthue.evaluation.faithfulness import gains, mean_gain
from posthue.posts import Modality
from posthue.runtime.explain import Explainer

COLUMNS = ("modality", "where", "curve", "gain", "low", "high", "n", "bundle", "scheme", "seed")


def means(measured: dict[tuple[str, str, str], list[float]]) -> list[tuple[str, ...]]:
    """Print and return the mean of every gain with its interval."""
    rows = []
    for (modality, where, curve), values in measured.items():
        mean = mean_gain(values)
        rows.append((modality, where, curve, f"{mean.value:.4f}", f"{mean.low:.4f}", f"{mean.high:.4f}"))
        print(
            f"{modality:5} {where:11} {curve:9} gain {mean.value:+.4f} [{mean.low:+.4f}, {mean.high:+.4f}] "
            f"n={len(values)}",
            flush=True,
        )
    return rows


def main() -> None:
    """Measure, print, and write a csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--scheme", default="sentiment")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    classifier = posthue.load(options.model, threads=options.threads)
    explainer = Explainer(classifier.engine)
    examples = load_corpus("mvsa-single", options.data).splits["dev"]
    posts = [example.post for example in examples if len(example.post.modalities) == 2]
    order = np.random.default_rng(options.seed).permutation(len(posts))[: options.n]
    measured: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    seconds = []
    for done, place in enumerate(order, 1):
        start = time.perf_counter()
        explanation = explainer.explain(posts[place], scheme=options.scheme)
        seconds.append(time.perf_counter() - start)
        for modality in Modality:
            found = gains(explainer, explanation, modality, seed=int(place))
            for where, gain in found.items():
                measured[modality, where, "deletion"].append(gain.deletion)
                measured[modality, where, "insertion"].append(gain.insertion)
        if done % 10 == 0:
            print(f"{done} of {len(order)} posts", flush=True)
            means(measured)
    rows = means(measured)
    print(
        f"an explanation: median {np.median(seconds):.2f} s, 95 % under {np.quantile(seconds, 0.95):.2f} s, "
        f"threads {classifier.engine.sessions.threads}"
    )
    if options.output is not None:
        bundle = f"{classifier.info.name} {classifier.info.created}"
        tails = {key: len(values) for key, values in measured.items()}
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows:
                n = tails[Modality(row[0]), row[1], row[2]]
                writer.writerow([*row, n, bundle, options.scheme, options.seed])


if __name__ == "__main__":
    main()
