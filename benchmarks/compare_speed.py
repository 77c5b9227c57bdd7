"""Posts a second, side by side with the same weights: pipelines, torch, sorted batches, posthue.

    python benchmarks/compare_speed.py                        made posts
    python benchmarks/compare_speed.py --data DIR             MVSA-Single's posts, with people's labels

For each pair of encoders (see _contest.py) and each kind of post (text, image, both), the contestants take
turns in rounds of different posts; a ratio is the median over the rounds, since the speed of a machine
changes from minute to minute. Nothing is cached, but in the row ``crowd``: 30 % of its posts repeat another.
Results: compare_speed.csv, .md and .png.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from _measuring import (
    RESULTS,
    facts,
    interleaved,
    made_pictures,
    made_texts,
    peak_of,
    ratios,
    rounds_of,
    write_markdown,
    write_results,
)
from posthue import Post
from posthue.data.corpora import load_corpus
from posthue.runtime.backends.devices import choose_threads

Run = Callable[[list[Post]], object]
REPEATS = 0.3
_GOOD, _BAD = (
    ("love", "good", "happy", "best", "beautiful", "thanks"),
    ("sad", "hate", "worst", "terrible", "never"),
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder with mvsa-single/; made posts if left out")
    parser.add_argument("--encoders", help="folder of local encoders, looked in before the Hub")
    parser.add_argument("--pairs", nargs="*", default=["small", "large"], choices=["small", "large"])
    parser.add_argument("--n", type=int, default=300, help="posts in all, of the small pair")
    parser.add_argument("--n-large", type=int, default=60, help="posts in all, of the large pair")
    parser.add_argument("--train", type=int, default=300, help="other posts, that the heads are trained on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=[8, 32], help="tried for the pipelines")
    parser.add_argument("--threads", type=int, help="of every contestant; all cores if left out")
    parser.add_argument("--output", type=Path, default=RESULTS / "compare_speed.csv")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    import torch

    from _contest import KINDS, contest
    from _same_weights import be_quiet

    be_quiet()
    threads = choose_threads(args.threads)
    torch.set_num_threads(threads)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for pair in args.pairs:
            count = args.n if pair == "small" else args.n_large
            posts, training = read_posts(args.data, count, args.train, Path(scratch) / f"{pair}-pictures")
            found = contest(pair, Path(scratch) / pair, training, models=args.encoders, threads=threads)
            for kind in KINDS:
                rows += measure(found, pair, kind, only(posts, kind), args)
            rows += measure_crowd(found, pair, posts, args)
    write_results(args.output, rows)
    write_markdown(args.output.with_suffix(".md"), rows, title="Posts a second, with the same weights")
    plot(args.output.with_suffix(".png"), rows)


def measure(
    found: Any, pair: str, kind: str, posts: list[Post], args: argparse.Namespace
) -> list[dict[str, object]]:
    """Let everybody predict posts of one kind; ours first."""
    ours = found.posthue(cache=False)
    best = best_batch(found, kind, posts, args.batches)
    runs: dict[str, Run] = {
        "posthue": lambda some: labels(ours, some),
        "pipelines, one a call": lambda some: pipelines(found, kind, some, None),
        f"pipelines, batch_size {best}": lambda some: pipelines(found, kind, some, best),
        f"torch, batches of 32{'' if kind == 'image' else ', padded to 128'}": lambda some: torch_batches(
            found, kind, some, padded=True
        ),
    }
    if kind != "image":
        runs["torch, sorted batches of 32"] = lambda some: torch_batches(found, kind, some, padded=False)
    agreed = agreement(labels(ours, posts), found.expected(kind, posts))
    return table(pair, kind, runs, rounds_of(posts, args.rounds), agreed)


def measure_crowd(
    found: Any, pair: str, posts: list[Post], args: argparse.Namespace
) -> list[dict[str, object]]:
    """The same with reposts, which posthue predicts once. Each round is a crowd, with an empty cache."""
    ours = found.posthue(cache=True)
    crowds = [crowd(some, seed) for seed, some in enumerate(rounds_of(posts, args.rounds))]

    def predicted(some: list[Post]) -> None:
        ours.engine.forget()
        labels(ours, some)

    runs: dict[str, Run] = {
        "posthue": predicted,
        "pipelines, one a call": lambda some: pipelines(found, "both", some, None),
    }
    together = [post for some in crowds for post in some]
    agreed = agreement(labels(ours, together), found.expected("both", together))
    return table(pair, "crowd", runs, crowds, agreed)


def table(
    pair: str, kind: str, runs: Mapping[str, Run], dealt: Sequence[list[Post]], agreed: float
) -> list[dict[str, object]]:
    rounds = len(dealt)
    for run in runs.values():
        run(dealt[0][:2])
    peaks = {name: peak_of(lambda run=run: run(dealt[0])) for name, run in runs.items()}
    seconds = interleaved({name: (lambda i, run=run: run(dealt[i])) for name, run in runs.items()}, rounds)
    ours = next(iter(seconds.values()))
    rows = []
    for name, theirs in seconds.items():
        middle, least, most = ratios(ours, theirs)
        speed = median(len(some) / second for some, second in zip(dealt, theirs, strict=True))
        rows.append(
            {
                "encoders": pair,
                "posts": kind,
                "contestant": name,
                "n": sum(map(len, dealt)),
                "rounds": rounds,
                "posts_per_second": f"{speed:.1f}",
                "posthue_is_faster": f"{middle:.2f}",
                "least": f"{least:.2f}",
                "most": f"{most:.2f}",
                "agreement_with_torch": f"{agreed:.4f}" if theirs is ours else "",
                "peak_mib_above_start": "" if peaks[name] is None else f"{peaks[name]:.0f}",
            }
        )
        print("  ".join(str(value) for value in rows[-1].values()), flush=True)
    return rows


def pipelines(found: Any, kind: str, posts: list[Post], batch: int | None) -> None:
    """Transformers' pipelines: one post a call, as people call them, or lists with a batch_size."""
    text, image = made_pipelines(found)
    pipes: list[tuple[Any, list[Any], dict[str, object]]] = []
    if kind != "image":
        pipes.append((text, [post.text for post in posts], {"truncation": True, "max_length": 128}))
    if kind != "text":
        pipes.append((image, [str(post.image) for post in posts], {}))
    for pipe, inputs, settings in pipes:
        if batch is None:
            for one in inputs:
                pipe(one, **settings)
        else:
            pipe(inputs, batch_size=batch, **settings)


@cache
def made_pipelines(found: Any) -> tuple[Any, Any]:
    from transformers import pipeline

    return (
        pipeline("text-classification", model=found.text, tokenizer=found.tokenizer, device="cpu"),
        pipeline("image-classification", model=found.image, image_processor=found.processor, device="cpu"),
    )


def best_batch(found: Any, kind: str, posts: list[Post], batches: Sequence[int]) -> int:
    """The batch_size with which the pipelines are fastest."""
    some = posts[: max(len(posts) // 5, min(32, len(posts)))]
    runs = {str(size): (lambda _, size=size: pipelines(found, kind, some, size)) for size in batches}
    seconds = interleaved(runs, 2)
    return int(min(seconds, key=lambda name: min(seconds[name])))


def torch_batches(found: Any, kind: str, posts: list[Post], *, padded: bool) -> None:
    """Eager torch in batches of 32: texts padded to 128, or sorted by length and padded to the longest."""
    import torch
    from PIL import Image

    settings: dict[str, Any] = {"truncation": True, "max_length": 128, "return_tensors": "pt"}
    texts = [post.text or "" for post in posts] if kind != "image" else []
    if not padded:
        texts = sorted(texts, key=len)
    with torch.inference_mode():
        for start in range(0, len(texts), 32):
            fed = found.tokenizer(
                texts[start : start + 32], padding="max_length" if padded else True, **settings
            )
            found.text(**fed).logits.argmax(-1).tolist()
        pictures = [post.image for post in posts] if kind != "text" else []
        for start in range(0, len(pictures), 32):
            opened = [Image.open(str(path)).convert("RGB") for path in pictures[start : start + 32]]
            fed = found.processor(opened, return_tensors="pt")
            found.image(pixel_values=fed["pixel_values"]).logits.argmax(-1).tolist()


def labels(classifier: Any, posts: Sequence[Post]) -> list[str]:
    return [prediction["sentiment"].label for prediction in classifier.predict_many(posts)]


def agreement(found: Sequence[str], expected: Sequence[str]) -> float:
    """Share of equal labels."""
    return sum(one == other for one, other in zip(found, expected, strict=True)) / len(expected)


def only(posts: Sequence[Post], kind: str) -> list[Post]:
    return [
        Post(text=post.text if kind != "image" else None, image=post.image if kind != "text" else None)
        for post in posts
    ]


def crowd(posts: Sequence[Post], seed: int) -> list[Post]:
    """As many posts, 30 % of which repeat another one, in a random order."""
    draw = random.Random(seed)
    kept = list(posts[: round(len(posts) * (1 - REPEATS))])
    found = [*kept, *draw.choices(kept, k=len(posts) - len(kept))]
    draw.shuffle(found)
    return found


def read_posts(data: str | None, count: int, training: int, scratch: Path) -> tuple[list[Post], Any]:
    """Posts to measure with, and labelled ones to train on: MVSA-Single's under ``data``, or made ones."""
    from _contest import LABELS, Labelled

    if data is None:
        scratch.mkdir()
        texts = made_texts(count + training)
        pictures = [str(path) for path in made_pictures(scratch, count + training)]
        numbers = [rule(text) for text in texts]
    else:
        splits = load_corpus("mvsa-single", data).splits
        examples = [e for split in splits.values() for e in split if e.post.text and e.post.image is not None]
        examples = [e for e in examples if "sentiment" in e.labels][: count + training]
        texts = [str(e.post.text) for e in examples]
        pictures = [str(e.post.image) for e in examples]
        numbers = [LABELS.index(one_label(e.labels["sentiment"])) for e in examples]
    posts = [Post(text=t, image=p) for t, p in zip(texts, pictures, strict=True)]
    return posts[training:], Labelled(texts[:training], pictures[:training], numbers[:training])


def one_label(found: str | Sequence[str]) -> str:
    return found if isinstance(found, str) else found[0]


def rule(text: str) -> int:
    """The label of a made text: whether it has more good words than bad ones."""
    words = text.split()
    balance = sum(word in _GOOD for word in words) - sum(word in _BAD for word in words)
    return 1 + (balance > 0) - (balance < 0)


def plot(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Bars: how many times as fast posthue is, for each kind of post and contestant."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = [row for row in rows if row["contestant"] != "posthue"]
    names = [f"{row['encoders']}, {row['posts']}: {row['contestant']}" for row in shown]
    values = [float(str(row["posthue_is_faster"])) for row in shown]
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(names) + 1.2))
    axes.barh(names[::-1], values[::-1], color="#4477aa")
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_xlabel(f"posthue is so many times as fast ({facts()['cpu']}, {facts()['cores']} cores)")
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
