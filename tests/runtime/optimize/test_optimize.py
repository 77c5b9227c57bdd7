from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from posthue import BundleError, InputError, Post, PostClassifier, TableError, load
from posthue.runtime.backends import devices, sessions
from posthue.runtime.bundle.config import RuntimeChoice, TunedPart
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.inference.batching import run_all
from posthue.runtime.inference.engine import Engine
from posthue.runtime.optimize import optimize

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="needs the openvino extra")


def made_posts(count: int) -> list[Post]:
    draw = np.random.default_rng(0)
    return [
        Post(
            text=" ".join(draw.choice(["happy", "sad", "day"], 4)),
            image=draw.integers(0, 255, (40, 48, 3), np.uint8),
        )
        for _ in range(count)
    ]


def labels(classifier: PostClassifier, posts: list[Post]) -> list[str]:
    return [prediction["sentiment"].label for prediction in classifier.predict_many(posts)]


def candidate(tmp_path: Path, bundle: Path, choice: RuntimeChoice) -> Bundle:
    optimize.write_candidate(Bundle.open(bundle), tmp_path / "candidate", choice, None)
    return Bundle.open(tmp_path / "candidate")


def test_a_tuned_bundle_answers_as_before(tmp_path: Path, tiny_bundle: Path) -> None:
    posts = made_posts(24)
    measured = optimize.optimize(Bundle.open(tiny_bundle), tmp_path / "tuned", posts, threads=1)
    config = json.loads((tmp_path / "tuned" / "config.json").read_text())
    assert {one.part for one in measured} == {"text", "image"}
    assert all(one.agreement >= 0.99 for one in measured if one.chosen)
    assert len(config["runtime"]["measured"]["candidates"]) == len(measured)
    found, before = labels(load(tmp_path / "tuned"), posts), labels(load(tiny_bundle), posts)
    assert np.mean([one == other for one, other in zip(found, before, strict=True)]) >= 0.95
    with pytest.raises(TableError, match="exists already"):
        optimize.optimize(Bundle.open(tiny_bundle), tmp_path / "tuned", posts)
    with pytest.raises(InputError, match="no text and no picture"):
        optimize.optimize(Bundle.open(tiny_bundle), tmp_path / "new", [Post()])


def test_what_disagrees_is_not_chosen(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "agreement", lambda found, reference: 0.5)
    measured = optimize.optimize(Bundle.open(tiny_bundle), tmp_path / "tuned", made_posts(8), threads=1)
    assert [one.name for one in measured if one.chosen] == ["onnxruntime fp32", "batch as it is"] * 2


@needs_openvino
def test_openvino_answers_as_onnxruntime_does(tmp_path: Path, tiny_bundle: Path) -> None:
    parts = {name: TunedPart("openvino", "fp32") for name in ("text", "image")}
    bundle = candidate(tmp_path, tiny_bundle, RuntimeChoice(parts))
    posts = made_posts(70)
    other, ours = PostClassifier(Engine(bundle, threads=2)), load(tiny_bundle, threads=2)
    assert other.engine.sessions.text.providers == ("OpenVINO",)
    for one, two in zip(other.predict_many(posts), ours.predict_many(posts), strict=True):
        assert dict(one["sentiment"].probabilities) == pytest.approx(
            dict(two["sentiment"].probabilities), abs=1e-4
        )
    (bundle.path / "text.onnx").unlink()  # it may be a link
    (bundle.path / "text.onnx").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match="OpenVINO"):
        _ = PostClassifier(Engine(bundle)).engine.sessions.text


def test_without_openvino_onnxruntime_runs_a_tuned_bundle(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "find_spec", lambda _: None)
    bundle = candidate(tmp_path, tiny_bundle, RuntimeChoice({"text": TunedPart("openvino", "fp32")}))
    assert Engine(bundle).sessions.text.providers == ("CPUExecutionProvider",)


@pytest.mark.parametrize(
    "runtime", [{"text": {"backend": "abacus", "precision": "fp32"}}, {"streams": 0}, []]
)
def test_a_wrong_runtime_is_said(tmp_path: Path, tiny_bundle: Path, runtime: object) -> None:
    bundle = candidate(tmp_path, tiny_bundle, RuntimeChoice())
    config = json.loads(bundle.file("config.json").read_text())
    bundle.file("config.json").write_text(json.dumps(config | {"runtime": runtime}))
    with pytest.raises(BundleError, match="runtime"):
        Bundle.open(bundle.path)


def test_streams_change_nothing_but_speed(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "available_cores", lambda: 4)
    posts = made_posts(100)
    small = {"text": TunedPart(rows=8), "image": TunedPart(rows=4)}
    one = PostClassifier(Engine(candidate(tmp_path / "a", tiny_bundle, RuntimeChoice(small, 1)), threads=3))
    many = PostClassifier(Engine(candidate(tmp_path / "b", tiny_bundle, RuntimeChoice(small)), threads=3))
    assert (one.engine.sessions.streams, many.engine.sessions.streams) == (1, 3)
    for a, b in zip(one.predict_many(posts), many.predict_many(posts), strict=True):
        assert dict(a["sentiment"].probabilities) == pytest.approx(
            dict(b["sentiment"].probabilities), abs=1e-6
        )


def test_batches_run_in_order_and_know_whether_they_are_alone() -> None:
    def run(batch: int, *, alone: bool) -> tuple[int, bool]:
        return batch, alone

    assert run_all(1, run, [1, 2]) == [(1, True), (2, True)]
    assert run_all(4, run, [1, 2, 3]) == [(1, False), (2, False), (3, False)]
    assert run_all(4, run, [1]) == [(1, True)]
