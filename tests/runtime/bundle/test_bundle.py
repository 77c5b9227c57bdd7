from __future__ import annotations

import json
from pathlib import Path

import pytest

from bundle_factory import make_bundle, make_config
from posthue import BundleError, load
from posthue.posts import State
from posthue.runtime.bundle.facts import bundle_facts
from posthue.runtime.bundle.folder import DEFAULT_BUNDLE, Bundle


def test_opens_and_tells_what_it_is(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    assert list(bundle.config.schemes) == ["sentiment", "emotion"]
    assert bundle.config.states == (State.BOTH, State.TEXT, State.IMAGE)
    assert bundle.config.temperatures["sentiment"][State.IMAGE] == 2.0
    facts = bundle_facts(bundle)
    assert facts["model"] == "tiny"
    json.dumps(facts)


def test_a_text_bundle_needs_no_image_file(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path, image=False)
    (folder / "image.onnx").unlink()
    assert Bundle.open(folder).config.states == (State.TEXT,)


@pytest.mark.parametrize("name", ["config.json", "text.onnx", "tokenizer.json", "image.onnx", "head.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (make_bundle(tmp_path) / name).unlink()
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        Bundle.open(tmp_path)


def test_an_empty_file_is_damage(tmp_path: Path) -> None:
    (make_bundle(tmp_path) / "head.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"head\.onnx is empty"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "nul", "\x00", "[" * 100_000])
def test_a_config_that_is_no_object(tmp_path: Path, content: str) -> None:
    (make_bundle(tmp_path) / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=r"config\.json"):
        Bundle.open(tmp_path)


def test_a_config_that_is_no_utf8(tmp_path: Path) -> None:
    (make_bundle(tmp_path) / "config.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(BundleError, match="not valid JSON"):
        Bundle.open(tmp_path)


def part(kind: str, **changes: object) -> dict[str, object]:
    config = make_config()[kind]
    assert isinstance(config, dict)
    return {kind: config | changes}


BROKEN = {
    "another format": ({"format": 2}, "reads format 1"),
    "a format that is true": ({"format": True}, "reads format 1"),
    "no schemes": ({"schemes": {}}, "at least one label scheme"),
    "one label": ({"schemes": {"sentiment": ["positive"]}}, "two or more"),
    "a label twice": ({"schemes": {"sentiment": ["a", "a"]}}, "two or more"),
    "labels that are numbers": ({"schemes": {"sentiment": [1, 2]}}, "sentiment: 1 is not a text"),
    "a missing prior": ({"priors": {"sentiment": [0.2, 0.3, 0.5]}}, "emotion is missing"),
    "a prior that does not sum to 1": (
        {"priors": {"sentiment": [1, 1, 1], "emotion": [1 / 7] * 7}},
        "3 probabilities",
    ),
    "a temperature of 0": (
        {"temperatures": {"sentiment": {"both": 0, "text": 1, "image": 1}}},
        "temperatures: sentiment: both: 0 is not a number above 0",
    ),
    "a missing temperature": (
        {"temperatures": {"sentiment": {"both": 1}, "emotion": {}}},
        "temperatures: sentiment: text is missing",
    ),
    "a scheme without temperatures": (
        {"temperatures": {"sentiment": {"both": 1}}},
        "temperatures: emotion is missing",
    ),
    "neither text nor image": ({"text": None, "image": None}, "at least one"),
    "a file outside": ({"head": {"file": "../head.onnx"}}, "bare name"),
    "an absolute file": ({"head": {"file": "/etc/passwd"}}, "bare name"),
    "a Windows path": ({"head": {"file": "C:\\head.onnx"}}, "bare name"),
    "a tokenizer outside": (part("text", tokenizer="../../x.json"), "bare name"),
    "dots": ({"head": {"file": ".."}}, "bare name"),
    "a NUL": ({"head": {"file": "a\0b"}}, "bare name"),
    "no head": ({"head": None}, "head: file is missing"),
    "a length of 0": (part("text", max_length=0), "max_length"),
    "a length that is true": (part("text", max_length=True), "max_length"),
    "an unknown normaliser": (part("text", normalise="magic"), "tweet, none"),
    "no pooled output": (part("text", outputs=["sequence"]), "outputs"),
    "an image spec with strange settings": (part("image", spec={"colour": 1}), "spec"),
    "an image spec of another type": (part("image", spec=[1]), "spec"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_wrong_config_is_refused(tmp_path: Path, case: str) -> None:
    changes, message = BROKEN[case]
    with pytest.raises(BundleError, match=message):
        Bundle.open(make_bundle(tmp_path, changes))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no bundle at"):
        load(tmp_path / "nothing")


def test_a_file_is_no_bundle(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="a bundle is a folder"):
        load(tiny_bundle / "head.onnx")


@pytest.mark.skipif(DEFAULT_BUNDLE.exists(), reason="the default model is here")
def test_without_a_default_model_the_error_says_what_to_do() -> None:
    with pytest.raises(BundleError, match="posthue train"):
        load()


def test_a_broken_onnx_file_is_named(tmp_path: Path) -> None:
    (make_bundle(tmp_path) / "text.onnx").write_bytes(b"not a model")
    with pytest.raises(BundleError, match=r"text\.onnx cannot be loaded"):
        load(tmp_path).predict("happy")


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (make_bundle(tmp_path) / "tokenizer.json").write_text("{}")
    with pytest.raises(BundleError, match=r"tokenizer\.json is not a tokenizer"):
        load(tmp_path).predict("happy")


def test_a_model_without_the_expected_inputs_is_refused(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path)
    (folder / "text.onnx").write_bytes((folder / "image.onnx").read_bytes())
    with pytest.raises(BundleError, match="lacks input_ids, attention_mask"):
        load(folder).predict("happy")


def test_a_head_for_other_labels_is_refused(tmp_path: Path) -> None:
    schemes = {"sentiment": ["negative", "positive"]}
    priors = {"sentiment": [0.5, 0.5]}
    folder = make_bundle(tmp_path, {"schemes": schemes, "priors": priors})
    with pytest.raises(BundleError, match=r"shape \[1, 3\] and not \[1, 2\]"):
        load(folder).predict("happy")
