"""From a finished run to a bundle: temperatures, priors, graphs, parity, model card.

Temperatures are fitted on the recipe's calibration sets, per scheme and modality state; the prior of a scheme
is the mean label frequency of those sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue._version import __version__
from posthue.atomic import atomic_folder
from posthue.evaluation.calibration import fit_temperature
from posthue.labels import SCHEMES
from posthue.model.export import export_graphs
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import State
from posthue.training.export.late_weight import tune_shares
from posthue.training.export.model_card import model_card
from posthue.training.export.parity import parity_report
from posthue.training.recipes.reading import recipe_to_dict
from posthue.training.recipes.schema import Recipe
from posthue.training.stages.build import Folders
from posthue.training.stages.fit import check_set, versions
from posthue.training.stages.logits import predict_logits
from posthue.training.stages.validation import CheckSet, row_states, truths

FORMAT = 1
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Sample:
    """Logits [n, labels], true labels [n] and weights [n] of one scheme and state, gathered over sets."""

    logits: list[Floats] = field(default_factory=list)
    labels: list[Ints] = field(default_factory=list)
    weights: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def add(self, logits: Floats, labels: Ints) -> None:
        """Add one set; every set weighs the same, whatever its size."""
        if len(labels):
            self.logits.append(logits)
            self.labels.append(labels)
            self.weights.append(np.full(len(labels), 1.0 / len(labels)))

    def temperature(self) -> float | None:
        """Return the temperature that fits best; None without examples."""
        if not self.labels:
            return None
        logits, labels = np.concatenate(self.logits), np.concatenate(self.labels)
        return fit_temperature(logits, labels, weights=np.concatenate(self.weights))


def make_bundle(recipe: Recipe, folders: Folders) -> Path:
    """Calibrate and export the last stage's model into RUN/bundle; return that folder."""
    source = folders.stage_model(recipe.stages[-1].name)
    model, processor = PostModel.from_pretrained(source).eval(), PostProcessor.from_pretrained(source)
    last = recipe.stages[-1]
    sets = [
        check_set(check, recipe, folders, model, processor) for check in recipe.calibrate or last.validate
    ]
    tune_shares(model, sets, recipe.schemes)
    temperatures, priors = calibrate(model, sets, recipe.schemes)
    target = folders.run / "bundle"
    with atomic_folder(target) as scratch:
        precisions = export_graphs(
            model, scratch, calibration=text_batches(processor, sets), side=processor.image_spec.size
        )
        config = bundle_config(recipe, model, processor, temperatures, priors, precisions)
        write_config(scratch, processor, config)
        config["parity"] = parity_report(model, processor, sets, scratch, recipe.schemes)
        config["provenance"] |= {"validation": _stage_metrics(recipe, folders)}
        write_config(scratch, processor, config)
        (scratch / "MODEL_CARD.md").write_text(model_card(config), encoding="utf-8")
    return target


def calibrate(
    model: PostModel, sets: Sequence[CheckSet], schemes: Sequence[str]
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Return temperatures (scheme → state → T) and priors (scheme → probabilities)."""
    samples = {scheme: {state: Sample() for state in _states(model)} for scheme in schemes}
    counts: dict[str, list[npt.NDArray[np.float64]]] = {scheme: [] for scheme in schemes}
    for entry in sets:
        logits = predict_logits(model, entry.dataset, entry.collator)
        states = row_states(entry)
        for scheme in schemes:
            rows, labels = truths(entry.dataset, scheme)
            if len(rows):
                counts[scheme].append(np.bincount(labels, minlength=len(SCHEMES[scheme])) / len(labels))
            for state, sample in samples[scheme].items():
                chosen = np.array([states[row] == state for row in rows], dtype=bool)
                sample.add(logits[scheme][rows[chosen]], labels[chosen])
    temperatures = {scheme: _temperatures(by) for scheme, by in samples.items()}
    return temperatures, {scheme: _prior(counts[scheme], len(SCHEMES[scheme])) for scheme in schemes}


def _temperatures(samples: Mapping[State, Sample]) -> dict[str, float]:
    """Return state → T; a state without examples takes the largest of the others, the least confident."""
    fitted = {state: sample.temperature() for state, sample in samples.items()}
    largest = max((t for t in fitted.values() if t is not None), default=1.0)
    return {str(state): largest if t is None else t for state, t in fitted.items()}


def text_batches(
    processor: PostProcessor, sets: Sequence[CheckSet], *, texts: int = 256, size: int = 32
) -> list[dict[str, npt.NDArray[np.int64]]]:
    """Return tokenised texts of the sets, an even number from each, in batches of like length."""
    share = max(1, texts // max(1, len(sets)))
    return token_batches(processor, [t for entry in sets for t in entry.dataset["text"][:share] if t], size)


def token_batches(
    processor: PostProcessor, texts: Sequence[str], size: int = 32
) -> list[dict[str, npt.NDArray[np.int64]]]:
    """Return tokenised texts, in batches of like length."""
    found = sorted(texts, key=len)
    batches = (found[i : i + size] for i in range(0, len(found), size))
    return [{name: t.numpy() for name, t in processor.tokens(batch).items()} for batch in batches]


def bundle_config(
    recipe: Recipe,
    model: PostModel,
    processor: PostProcessor,
    temperatures: Mapping[str, Mapping[str, float]],
    priors: Mapping[str, Sequence[float]],
    precisions: Mapping[str, str],
) -> dict[str, Any]:
    """Return config.json as plain data (the format is read by posthue.runtime.bundle.config)."""
    text = image = None
    outputs = ["pooled", "sequence"] if model.fusion.wants_sequences else ["pooled"]
    if model.text is not None:
        text = {
            "file": "text.onnx",
            "tokenizer": "tokenizer.json",
            "max_length": processor.max_length,
            "pad_id": processor.tokenizer.pad_token_id,
            "normalise": "tweet",
            "outputs": outputs,
            "dim": model.text.dim,
            "precision": precisions["text"],
        }
    if model.image is not None:
        image = {
            "file": "image.onnx",
            "small_file": "image_small.onnx" if model.image.small is not None else None,
            "spec": processor.image_spec.to_dict(),
            "outputs": outputs,
            "dim": model.image.dim,
            "precision": precisions["image"],
        }
    return {
        "format": FORMAT,
        "name": recipe.name,
        "posthue_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "schemes": {name: list(SCHEMES[name].labels) for name in recipe.schemes},
        "priors": {scheme: [round(p, 6) for p in prior] for scheme, prior in priors.items()},
        "temperatures": {
            s: {state: round(t, 4) for state, t in by.items()} for s, by in temperatures.items()
        },
        "text": text,
        "image": image,
        "head": {"file": "head.onnx"},
        "parity": {},
        "provenance": {"recipe": recipe_to_dict(recipe), "versions": versions()},
    }


def write_config(folder: Path, processor: PostProcessor, config: Mapping[str, Any]) -> None:
    """Write config.json and, for a model with text, tokenizer.json into a bundle's folder."""
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    if config["text"] is not None:
        tokenizer = processor.tokenizer.backend_tokenizer
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def _states(model: PostModel) -> list[State]:
    if model.text is not None and model.image is not None:
        return [State.BOTH, State.TEXT, State.IMAGE]
    return [State.TEXT if model.text is not None else State.IMAGE]


def _prior(frequencies: Sequence[npt.NDArray[np.float64]], labels: int) -> list[float]:
    if not frequencies:
        return [1.0 / labels] * labels
    mean = np.mean(frequencies, axis=0)
    return [float(p) for p in mean / mean.sum()]


def _stage_metrics(recipe: Recipe, folders: Folders) -> dict[str, Any]:
    paths = {stage.name: folders.run / stage.name / "metrics.json" for stage in recipe.stages}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }
