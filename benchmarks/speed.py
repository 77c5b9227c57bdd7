"""Posts a second: posthue against transformers as people call it, with the same weights, in one run.

    python benchmarks/speed.py                         made posts
    python benchmarks/speed.py --data DIR              TweetEval's validation texts and MVSA-Single's pictures

Text contestants: the text-classification pipeline, one text a call; torch, padded to 128, batches of 32;
posthue's predict_many. Image contestants: the image-classification pipeline, one picture a call; posthue.
The contestants take turns in rounds of different posts; a ratio is the median over the rounds, since the
speed of a machine changes from minute to minute. Nothing is cached.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _measuring import RESULTS, interleaved, made_pictures, made_texts, ratios, rounds_of, write_results
from posthue import Post
from posthue.data.corpora import load_corpus
from posthue.runtime.backends.devices import choose_threads

Run = Callable[[int], object]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder with tweeteval/ and mvsa-single/; made posts if left out")
    parser.add_argument("--encoders", help="folder of local encoders, looked in before the Hub")
    parser.add_argument("--n", type=int, default=2000, help="texts in all")
    parser.add_argument("--images", type=int, default=200, help="pictures in all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of every contestant; all cores if left out")
    parser.add_argument("--output", type=Path, default=RESULTS / "speed.csv")
    args = parser.parse_args()
    if args.rounds < 1 or any(0 < count < args.rounds for count in (args.n, args.images)):
        parser.error("there must be at least one post for each round")
    return args


def main() -> None:
    args = parse_args()
    import torch

    from _same_weights import be_quiet

    be_quiet()
    threads = choose_threads(args.threads)
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as scratch:
        rows = [*text_rows(args, threads, Path(scratch)), *image_rows(args, threads, Path(scratch))]
    write_results(args.output, rows)


def text_rows(args: argparse.Namespace, threads: int, scratch: Path) -> list[dict[str, object]]:
    if not args.n:
        return []
    import torch
    from transformers import pipeline

    from _same_weights import MAX_LENGTH, text_contest, torch_labels, torch_text_vectors

    texts = read_texts(args.data, args.n)
    contest = text_contest(scratch / "text", texts, models=args.encoders, threads=threads)
    pipe = pipeline(
        "text-classification", model=contest.classifier, tokenizer=contest.tokenizer, device="cpu"
    )
    dealt = rounds_of(texts, args.rounds)

    def one_by_one(number: int) -> None:
        for text in dealt[number]:
            pipe(text, truncation=True)

    def padded(number: int) -> None:
        for start in range(0, len(dealt[number]), 32):
            fed = contest.tokenizer(
                dealt[number][start : start + 32],
                padding="max_length",
                truncation=True,
                max_length=MAX_LENGTH,
                return_tensors="pt",
            )
            with torch.inference_mode():
                contest.classifier(**fed).logits.argmax(-1).tolist()

    def ours(number: int) -> None:
        predict(contest.posthue, [Post(text=str(text)) for text in dealt[number]])

    warm_up = texts[:4]
    for text in warm_up:
        pipe(text)
    predict(contest.posthue, [Post(text=text) for text in warm_up])
    found = predict(contest.posthue, [Post(text=text) for text in texts])
    expected = torch_labels(contest.model, torch_text_vectors(contest.model, contest.tokenizer, texts))
    runs = {
        "posthue predict_many": ours,
        "transformers pipeline, batch 1": one_by_one,
        "torch, padded to 128, batch 32": padded,
    }
    return measure("text", runs, [len(some) for some in dealt], threads, agreement(found, expected))


def image_rows(args: argparse.Namespace, threads: int, scratch: Path) -> list[dict[str, object]]:
    if not args.images:
        return []
    from transformers import pipeline

    from _same_weights import image_contest, torch_image_vectors, torch_labels

    paths = read_pictures(args.data, args.images, scratch)
    contest = image_contest(scratch / "image", paths, models=args.encoders, threads=threads)
    pipe = pipeline(
        "image-classification", model=contest.classifier, image_processor=contest.processor, device="cpu"
    )
    dealt = rounds_of(paths, args.rounds)

    def one_by_one(number: int) -> None:
        for path in dealt[number]:
            pipe(path)

    def ours(number: int) -> None:
        predict(contest.posthue, [Post(image=str(path)) for path in dealt[number]])

    pipe(paths[0])
    found = predict(contest.posthue, [Post(image=path) for path in paths])
    expected = torch_labels(contest.model, torch_image_vectors(contest.model, contest.spec, paths))
    runs = {"posthue predict_many": ours, "transformers pipeline, batch 1": one_by_one}
    return measure("image", runs, [len(some) for some in dealt], threads, agreement(found, expected))


def measure(
    kind: str, runs: Mapping[str, Run], counts: Sequence[int], threads: int, agreed: float
) -> list[dict[str, object]]:
    """Let the contestants run, the first of them ours, and return one row each."""
    seconds = interleaved(runs, len(counts))
    ours = next(iter(seconds.values()))
    rows = []
    for name, theirs in seconds.items():
        middle, least, most = ratios(ours, theirs)
        speed = median(count / second for count, second in zip(counts, theirs, strict=True))
        rows.append(
            {
                "posts": kind,
                "contestant": name,
                "n": sum(counts),
                "rounds": len(counts),
                "threads": threads,
                "posts_per_second": f"{speed:.1f}",
                "posthue_is_faster": f"{middle:.2f}",
                "least": f"{least:.2f}",
                "most": f"{most:.2f}",
                "agreement_with_torch": f"{agreed:.4f}" if theirs is ours else "",
            }
        )
    return rows


def predict(classifier: Any, posts: Sequence[Post]) -> list[str]:
    return [prediction["sentiment"].label for prediction in classifier.predict_many(posts)]


def agreement(found: Sequence[str], expected: Sequence[str]) -> float:
    """Share of equal labels."""
    return sum(one == other for one, other in zip(found, expected, strict=True)) / len(expected)


def read_texts(data: str | None, count: int) -> list[str]:
    """Different texts: TweetEval's validation texts under ``data``, or made ones."""
    if data is None:
        return made_texts(count)
    examples = load_corpus("tweeteval-sentiment", data).splits["val"]
    texts = (example.post.text or "" for example in examples)
    return list(dict.fromkeys(text for text in texts if text.strip()))[:count]


def read_pictures(data: str | None, count: int, scratch: Path) -> list[str]:
    """Paths of MVSA-Single's pictures under ``data``, or of made ones."""
    if data is None:
        (scratch / "pictures").mkdir()
        return [str(path) for path in made_pictures(scratch / "pictures", count)]
    examples = next(iter(load_corpus("mvsa-single", data).splits.values()))
    return [str(example.post.image) for example in examples if example.post.image is not None][:count]


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
