"""The model card: what the Hub reads of it, and what people do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub import ModelCard

from posthue.training.export.model_card import model_card

STAGE = {
    "name": "fuse",
    "text": "stage:words",
    "image": "google/mobilenet_v2_1.0_224",
    "small_image": None,
    "fusion": "gated",
    "epochs": 6,
    "train": [{"corpus": "mvsa-single"}, {"corpus": "fer2013"}, {"corpus": "mvsa-single"}],
}
PARITY = {"n": 450, "label_agreement": 0.98667, "max_difference": 0.03741}


def config(**changes: Any) -> dict[str, Any]:
    return {
        "name": "my-model",
        "schemes": {"emotion": ["joy", "fear"]},
        "text": {},
        "image": {},
        "parity": {"mvsa-single/dev/text/emotion": PARITY},
        "provenance": {
            "recipe": {"stages": [STAGE], "seed": 3},
            "versions": {"python": "3.11.7", "platform": "a machine of somebody", "torch": "2.6.0"},
            "validation": {"fuse": {"score": 0.71234}},
        },
        **changes,
    }


def test_the_hub_reads_the_metadata(tmp_path: Path) -> None:
    model_card(config()).save(tmp_path / "MODEL_CARD.md")
    metadata = ModelCard.load(tmp_path / "MODEL_CARD.md").data.to_dict()
    assert metadata["library_name"] == "posthue"
    assert metadata["language"] == "en"
    assert metadata["license"] == "unknown"
    assert metadata["pipeline_tag"] == "text-classification"
    assert {"emotion", "sentiment", "onnx", "image-classification"} <= set(metadata["tags"])


@pytest.mark.parametrize("read", ["text", "image"])
def test_a_model_of_one_modality_has_its_task(read: str) -> None:
    other = {"text": "image", "image": "text"}[read]
    data = model_card(config(**{other: None})).data
    assert data.pipeline_tag == f"{read}-classification"
    assert f"{other}-classification" not in data.tags


def test_people_read_what_made_it_and_what_was_measured() -> None:
    lines = model_card(config()).text.splitlines()
    assert lines[:2] == ["", "# my-model"]
    assert "- emotion: joy, fear" in lines
    encoders = "stage:words, google/mobilenet_v2_1.0_224"
    assert f"- stage fuse: {encoders}; fusion gated; 6 epochs on mvsa-single, fer2013" in lines
    assert "- seed 3; versions: python 3.11.7, torch 2.6.0" in lines
    assert "| fuse | score | 0.7123 |" in lines
    assert "| mvsa-single/dev/text/emotion | 450 | 0.9867 | 0.0374 |" in lines
