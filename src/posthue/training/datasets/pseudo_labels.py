"""Soft pseudo-labels: what a trained model predicts from texts becomes their target in a scheme."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset

from posthue.model.post_model import LABEL_PREFIX, PostModel
from posthue.model.processor import PostProcessor
from posthue.numbers import softmax
from posthue.training.datasets.batches import Collator, prepare
from posthue.training.datasets.logits import predict_logits


def pseudo_label(dataset: Dataset, scheme: str, teacher: str | Path) -> Dataset:
    """Fill ``labels_<scheme>`` with the teacher's probabilities for each text; no text, no labels."""
    model, processor = PostModel.from_pretrained(teacher), PostProcessor.from_pretrained(teacher)
    texts = dataset.remove_columns(["image_path", "image_bytes"])
    empty = [None] * len(dataset)
    texts = texts.add_column("image_path", empty).add_column("image_bytes", empty)
    logits = predict_logits(model, prepare(texts, processor), Collator(processor, ()))
    column = LABEL_PREFIX + scheme
    targets = [
        p.tolist() if text else [0.0] * len(p)
        for p, text in zip(softmax(logits[scheme]), dataset["text"], strict=True)
    ]
    features = dataset.features
    return (
        dataset.remove_columns([column])
        .add_column(column, targets)
        .select_columns([*features])
        .cast(features)
    )
