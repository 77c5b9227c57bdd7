from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from datasets import Dataset
from PIL import Image

from posthue.model.fusion import tune_late_weight
from posthue.training.datasets.batches import Collator
from posthue.training.datasets.rows import features_of
from posthue.training.export.late_weight import tune_shares
from posthue.training.recipes.schema import Check
from posthue.training.stages.inputs import ValidationSet
from tiny_models import WORDS, bert_config, resnet_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch

SCHEMES = ("sentiment", "emotion")


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (70, 70, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def posts(count: int = 9) -> ValidationSet:
    """Every third post lacks its picture; none has a label in emotion."""
    rows = [
        {
            "id": str(i),
            "text": " ".join(WORDS[i : i + 4]),
            "image_path": None,
            "image_bytes": png(i) if i % 3 else None,
            "length": 6,
            "small": False,
            "weight": 1.0,
            "row": i,
            "labels_sentiment": np.eye(3)[i % 2].tolist(),
            "labels_emotion": [0.0] * 7,
        }
        for i in range(count)
    ]
    dataset = Dataset.from_list(rows, features=features_of(SCHEMES))
    check = Check(corpus="mvsa-single", split="dev")
    return ValidationSet(check, dataset, Collator(tiny_processor(), SCHEMES))


@torch.no_grad()
def test_a_tuned_late_fusion_gets_the_share_of_the_posts_with_both() -> None:
    model = tiny_model(text=bert_config(), image=resnet_config(), fusion="late", rule="tuned")
    entry = posts()
    shares = tune_shares(model, [entry, entry])
    assert set(shares) == {"sentiment"}
    rows = [row for row in entry.dataset if row["image_bytes"]]
    batch = {k: v for k, v in entry.collator(rows).items() if not k.startswith("labels_") and k != "weight"}
    apart = []
    for shown in ((True, False), (False, True)):
        batch["present"] = torch.tensor([shown]).expand(len(rows), 2)
        apart.append(model(**batch).logits["sentiment"].numpy())
    labels = np.array([np.argmax(row["labels_sentiment"]) for row in rows])
    assert shares["sentiment"] == tune_late_weight(*apart, labels)
    weights = model.fusion.share_sentiment.softmax(-1)
    assert weights[0].item() == pytest.approx(shares["sentiment"], abs=1e-5)


def test_other_fusions_are_left_alone() -> None:
    for options in ({"fusion": "late", "rule": "mean"}, {"fusion": "joint"}):
        assert tune_shares(tiny_model(text=bert_config(), image=resnet_config(), **options), []) == {}
