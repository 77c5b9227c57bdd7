"""Which backend, precision and batch size are fastest for a bundle on this machine: found by measuring.

Every candidate is a copy of the bundle that differs in one thing, and predicts the same posts as the
original. The fastest one whose labels agree with the original's is kept; candidates take turns, and the best
of several rounds counts, since the speed of a machine changes from minute to minute.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from posthue.errors import InputError, PosthueError
from posthue.files import write_json
from posthue.posts import Post, Prediction
from posthue.runtime.bundle.config import RuntimeChoice, TunedPart
from posthue.runtime.bundle.copying import copy_files, publish, read_config, require_new
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.inference.engine import Engine

LEAST_AGREEMENT = 0.99
_LEAST_GAIN = 1.03  # a candidate that gains less is noise
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class RuntimeCandidate:
    """A way to run the bundle. graph: a file that takes the place of the image encoder's."""

    name: str
    choice: RuntimeChoice
    graph: Path | None = None


@dataclass(frozen=True, slots=True)
class CandidateSpeed:
    """How a candidate did; agreement: the share of labels, over all schemes, that are the original's."""

    part: str
    name: str
    posts_per_second: float
    agreement: float
    chosen: bool = False


@dataclass(slots=True)
class _State:
    """What is the best so far, and everything that was measured."""

    choice: RuntimeChoice = field(default_factory=RuntimeChoice)
    graph: Path | None = None
    measured: list[CandidateSpeed] = field(default_factory=list)


def optimize(
    bundle: Bundle,
    output: str | Path,
    posts: Sequence[Post],
    *,
    threads: int | None = None,
    least_agreement: float = LEAST_AGREEMENT,
    progress: Callable[[str], None] = lambda _: None,
) -> list[CandidateSpeed]:
    """Write into ``output`` the bundle with what is fastest here, and return everything that was measured.

    posts: predicted by every candidate; some hundreds. A static int8 image encoder needs onnx (the train
    extra) and at least 16 pictures; OpenVINO needs the openvino extra. What is not installed is not tried.

    Raises TableError when the output exists, InputError when the posts have nothing that the bundle reads.
    """
    output = Path(output)
    require_new(output)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(bundle, posts, Path(scratch), threads, least_agreement, progress)
        state = bench.search()
        made = Path(scratch) / "made"
        _write(bundle, made, state, threads)
        publish(made, output)
    return state.measured


class _Bench:
    def __init__(
        self,
        bundle: Bundle,
        posts: Sequence[Post],
        scratch: Path,
        threads: int | None,
        least_agreement: float,
        progress: Callable[[str], None],
    ) -> None:
        self._bundle, self._scratch, self._threads = bundle, scratch, threads
        self._least_agreement, self._progress = least_agreement, progress
        self._posts = {
            "text": [Post(text=post.text) for post in posts if bundle.config.text and post.text],
            "image": [
                Post(image=post.image) for post in posts if bundle.config.image and post.image is not None
            ],
        }
        if not any(self._posts.values()):
            raise InputError("the posts have no text and no picture that this bundle reads")
        self._count = 0

    def search(self) -> _State:
        """Choose the backend, then the batch, of each encoder; then how many batches run at a time."""
        state = _State()
        for part in ("text", "image"):
            if self._posts[part]:
                self._best(part, list(self._backends(part, state)), state)
                self._best(part, list(_batches(part, state)), state)
        threads = self._classifier(RuntimeCandidate("", state.choice)).engine.sessions.threads
        if threads > 1:
            part = max(self._posts, key=lambda name: len(self._posts[name]))
            self._best(part, list(_streams(state)), state)
        return state

    def _best(self, part: str, candidates: Sequence[RuntimeCandidate], state: _State) -> None:
        """Let the candidates take turns, the one that is in force first, and put the best into force."""
        posts = self._posts[part]
        reference = self._predict(self._classifier(RuntimeCandidate("original", RuntimeChoice())), posts)
        running = [(one, found) for one in candidates if (found := self._opened(one)) is not None]
        agreements = [agreement(self._predict(found, posts), reference) for _, found in running]
        seconds = [float("inf")] * len(running)
        for _ in range(_ROUNDS):
            for index, (one, found) in enumerate(running):
                self._progress(f"{part}: {one.name}")
                seconds[index] = min(seconds[index], _timed(found, posts))
        good = [i for i in range(len(running)) if agreements[i] >= self._least_agreement]
        best = min(good, key=seconds.__getitem__, default=0)
        if seconds[best] * _LEAST_GAIN > seconds[0]:
            best = 0
        for index, (one, _) in enumerate(running):
            speed = len(posts) / seconds[index]
            state.measured.append(
                CandidateSpeed(part, one.name, speed, agreements[index], chosen=index == best)
            )
        state.choice, state.graph = running[best][0].choice, running[best][0].graph

    def _backends(self, part: str, state: _State) -> Iterator[RuntimeCandidate]:
        stored = getattr(self._bundle.config, part).precision
        precision = stored if stored in ("fp32", "int8") else "fp32"
        yield RuntimeCandidate(f"onnxruntime {precision}", state.choice, state.graph)
        if find_spec("openvino") is not None:
            for name in dict.fromkeys((precision, "bf16")):
                tuned = TunedPart("openvino", name)
                yield RuntimeCandidate(f"openvino {name}", _with(state.choice, part, tuned), state.graph)
        if part == "image" and find_spec("onnx") is not None and len(self._posts["image"]) >= 16:
            from posthue.runtime.optimize.static_int8 import quantize_images  # noqa: PLC0415

            self._progress("image: making static int8")
            graph = quantize_images(self._bundle, self._posts["image"], self._scratch / "static_int8.onnx")
            yield RuntimeCandidate(
                "onnxruntime static int8", _with(state.choice, part, TunedPart(precision="int8")), graph
            )
            if find_spec("openvino") is not None:
                tuned = TunedPart("openvino", "int8")
                yield RuntimeCandidate("openvino static int8", _with(state.choice, part, tuned), graph)

    def _opened(self, candidate: RuntimeCandidate) -> PostClassifier | None:
        """The candidate, warm; None where it cannot run here."""
        try:
            found = self._classifier(candidate)
            for posts in self._posts.values():
                self._predict(found, posts[:2])
        except PosthueError as error:
            self._progress(f"{candidate.name}: {error}")
            return None
        return found

    def _classifier(self, candidate: RuntimeCandidate) -> PostClassifier:
        self._count += 1
        folder = self._scratch / f"candidate-{self._count}"
        write_candidate(self._bundle, folder, candidate.choice, candidate.graph)
        return PostClassifier(Engine(Bundle.open(folder), threads=self._threads, cache_bytes=0))

    @staticmethod
    def _predict(classifier: PostClassifier, posts: Sequence[Post]) -> list[Prediction]:
        return list(classifier.predict_many(posts))


def agreement(found: Sequence[Prediction], reference: Sequence[Prediction]) -> float:
    """Return the share of labels that are the reference's, over all schemes and posts that it predicted."""
    pairs = [
        (name in one.schemes and one[name].label == result.label)
        for one, other in zip(found, reference, strict=True)
        for name, result in other.schemes.items()
    ]
    return sum(pairs) / max(1, len(pairs))


def write_candidate(bundle: Bundle, folder: Path, choice: RuntimeChoice, graph: Path | None) -> None:
    """Write a bundle that differs from ``bundle`` in its runtime; files are links where the disk allows."""
    image = bundle.config.image
    copy_files(bundle, folder, {image.file: graph} if image is not None and graph is not None else None)
    write_json(folder / "config.json", read_config(bundle) | {"runtime": _plain(choice)})


def _write(bundle: Bundle, folder: Path, state: _State, threads: int | None) -> None:
    write_candidate(bundle, folder, state.choice, state.graph)
    config = read_config(Bundle.open(folder))
    config["runtime"]["measured"] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "threads": threads,
        "candidates": [asdict(one) for one in state.measured],
    }
    if state.graph is not None:
        config["image"]["precision"] = "int8"
    write_json(folder / "config.json", config)


def _plain(choice: RuntimeChoice) -> dict[str, Any]:
    return {"streams": choice.streams, **{name: asdict(part) for name, part in choice.parts.items()}}


def _with(choice: RuntimeChoice, part: str, tuned: TunedPart) -> RuntimeChoice:
    return RuntimeChoice({**choice.parts, part: tuned}, choice.streams)


def _batches(part: str, state: _State) -> Iterator[RuntimeCandidate]:
    """The batch that is in force, and others."""
    now: Mapping[str, TunedPart] = state.choice.parts
    tuned = now.get(part, TunedPart())
    yield RuntimeCandidate("batch as it is", state.choice, state.graph)
    sizes = ((16, 512), (32, 2048), (64, 2048)) if part == "text" else ((2, None), (4, None), (16, None))
    for rows, tokens in sizes:
        name = f"batch {rows}" + (f", {tokens} tokens" if tokens else "")
        other = TunedPart(tuned.backend, tuned.precision, rows, tokens)
        yield RuntimeCandidate(name, _with(state.choice, part, other), state.graph)


def _streams(state: _State) -> Iterator[RuntimeCandidate]:
    yield RuntimeCandidate("a batch per thread", state.choice, state.graph)
    yield RuntimeCandidate("one batch on all threads", RuntimeChoice(state.choice.parts, 1), state.graph)


def _timed(classifier: PostClassifier, posts: Sequence[Post]) -> float:
    started = perf_counter()
    for _ in classifier.predict_many(posts):
        pass
    return perf_counter() - started
