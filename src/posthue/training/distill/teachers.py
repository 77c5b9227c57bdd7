"""Teachers: a bundle by the engine of ``posthue score``, or a text classifier of the Hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from posthue.data.text import normalise_tweet
from posthue.errors import RecipeError, first_line
from posthue.labels import SENTIMENT
from posthue.posts import Post
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.classifier import PostClassifier, load
from posthue.training.distill.recipe import Teacher
from posthue.training.distill.teach import Floats, TextTeacher

#: Names of the three classes, lower case; LABEL_0 … are cardiffnlp/twitter-roberta-base-sentiment's.
_NAMES = {
    **{label: label for label in SENTIMENT.labels},
    **{"neg": "negative", "neu": "neutral", "pos": "positive"},
    **{f"label_{i}": label for i, label in enumerate(SENTIMENT.labels)},
}


class BundleTeacher:
    """A bundle that reads text and answers in sentiment."""

    def __init__(self, classifier: PostClassifier) -> None:
        info = classifier.info
        if info.text is None or "sentiment" not in info.schemes:
            raise RecipeError(f"teacher: the bundle {info.name} does not predict the sentiment of texts")
        if tuple(info.schemes["sentiment"].labels) != SENTIMENT.labels:
            raise RecipeError(f"teacher: the bundle {info.name} does not answer negative, neutral, positive")
        self._classifier = classifier

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return [texts, 3]; NaN where a text cannot be predicted."""
        rows = [
            [*p["sentiment"].probabilities.values()] if p.ok else [np.nan] * 3
            for p in self._classifier.predict_many(Post(text=text) for text in texts)
        ]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), 3)


class HubTeacher:
    """A text classification model with three classes, in torch, in batches of like length."""

    def __init__(self, settings: Teacher, models: Path | None) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415

        from posthue.model.encoders.hub import resolve  # noqa: PLC0415

        path = resolve(settings.model, models)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(path)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(path).eval()
        except (OSError, ValueError) as error:
            raise RecipeError(
                f"teacher: cannot load {settings.model!r}: give 'default', the folder of a bundle, or a text "
                f"classification model by Hub id or folder ({first_line(error)})"
            ) from error
        self._settings = settings
        self._order = class_order(self._model.config.id2label, settings.model)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return [texts, 3]; NaN where there is no text."""
        cleaned = [normalise_tweet(text) for text in texts]
        found = np.full((len(texts), 3), np.nan, dtype=np.float32)
        rows = sorted((i for i, text in enumerate(cleaned) if text), key=lambda i: len(cleaned[i]))
        step = self._settings.batch_size
        for start in range(0, len(rows), step):
            chosen = rows[start : start + step]
            found[chosen] = self._predict([cleaned[i] for i in chosen])[:, self._order]
        return found

    def _predict(self, texts: list[str]) -> Floats:
        import torch  # noqa: PLC0415

        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._settings.max_length, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = self._model(**inputs).logits
        return np.asarray(logits.float().softmax(-1).numpy())


def class_order(names: dict[int, str], model: str) -> list[int]:
    """Return which outputs of a model are negative, neutral, positive; RecipeError if they are not."""
    found = {_NAMES.get(str(name).lower()): int(i) for i, name in names.items()}
    if len(names) != 3 or set(found) != set(SENTIMENT.labels):
        raise RecipeError(
            f"teacher: {model!r} has the classes {', '.join(map(str, names.values()))} and not "
            f"{', '.join(SENTIMENT.labels)}"
        )
    return [found[label] for label in SENTIMENT.labels]


def make_teacher(settings: Teacher, models: Path | None) -> TextTeacher:
    """Load the teacher of a recipe."""
    if is_bundle(settings.model):
        return BundleTeacher(load(settings.model, threads=settings.threads))
    return HubTeacher(settings, models)


def teacher_facts(settings: Teacher) -> dict[str, object]:
    """Return what tells one teacher from another: the content of a bundle, or the name of a model."""
    facts: dict[str, object] = {"model": settings.model, "max_length": settings.max_length}
    if is_bundle(settings.model):
        bundle = Bundle.open(settings.model)
        digest = blake2b(digest_size=12)
        for path in sorted(bundle.path.iterdir()):
            if path.suffix in (".onnx", ".json"):
                digest.update(path.name.encode() + path.read_bytes())
        facts = {"bundle": digest.hexdigest()}
    return facts


def is_bundle(model: str) -> bool:
    """Whether a teacher's name is ``default`` or a folder that holds a bundle."""
    if model == "default":
        return True
    config = Path(model) / "config.json"
    if not config.is_file():
        return False
    try:
        return "head" in json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        return False
