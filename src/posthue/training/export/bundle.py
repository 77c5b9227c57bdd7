"""The files of a bundle: graphs, tokenizer.json and config.json (read by posthue.runtime.bundle.config)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posthue._version import __version__
from posthue.files import write_json
from posthue.graphs.smooth_quant import Feeds
from posthue.model.processor import PostProcessor
from posthue.training.export.calibrate import Calibration
from posthue.training.stages.build import StageModel
from posthue.training.stages.inputs import ValidationSet

FORMAT = 1


def text_batches(
    processor: PostProcessor, sets: Sequence[ValidationSet], *, texts: int = 256, size: int = 32
) -> list[Feeds]:
    """Return tokenised texts of the sets, an even number from each, in batches of like length."""
    share = max(1, texts // max(1, len(sets)))
    return token_batches(processor, [t for entry in sets for t in entry.dataset["text"][:share] if t], size)


def token_batches(processor: PostProcessor, texts: Sequence[str], size: int = 32) -> list[Feeds]:
    """Return tokenised texts, in batches of like length."""
    ordered = sorted(texts, key=len)
    batches = (ordered[i : i + size] for i in range(0, len(ordered), size))
    return [{name: t.numpy() for name, t in processor.tokens(batch).items()} for batch in batches]


def bundle_config(
    name: str,
    trained: StageModel,
    calibration: Calibration,
    precisions: Mapping[str, str],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return config.json as plain data. precisions: graph → int8 or fp32."""
    return {
        "format": FORMAT,
        "name": name,
        "posthue_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "schemes": {scheme: list(labels) for scheme, labels in trained.model.config.schemes.items()},
        "priors": {scheme: [round(p, 6) for p in prior] for scheme, prior in calibration.priors.items()},
        "temperatures": {
            scheme: {state: round(t, 4) for state, t in by_state.items()}
            for scheme, by_state in calibration.temperatures.items()
        },
        "text": _text_config(trained, precisions),
        "image": _image_config(trained, precisions),
        "head": {"file": "head.onnx"},
        "parity": {},
        "provenance": dict(provenance),
    }


def write_config(folder: Path, processor: PostProcessor, config: Mapping[str, Any]) -> None:
    """Write config.json and, for a model with text, tokenizer.json into a bundle's folder."""
    write_json(folder / "config.json", config)
    if config["text"] is not None:
        tokenizer = processor.tokenizer.backend_tokenizer
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def _text_config(trained: StageModel, precisions: Mapping[str, str]) -> dict[str, Any] | None:
    if trained.model.text is None:
        return None
    return {
        "file": "text.onnx",
        "tokenizer": "tokenizer.json",
        "max_length": trained.processor.max_length,
        "pad_id": trained.processor.tokenizer.pad_token_id,
        "normalise": "tweet",
        "outputs": _outputs(trained),
        "dim": trained.model.text.dim,
        "precision": precisions["text"],
    }


def _image_config(trained: StageModel, precisions: Mapping[str, str]) -> dict[str, Any] | None:
    if trained.model.image is None:
        return None
    return {
        "file": "image.onnx",
        "small_file": "image_small.onnx" if trained.model.image.small is not None else None,
        "spec": trained.processor.image_spec.to_dict(),
        "outputs": _outputs(trained),
        "dim": trained.model.image.dim,
        "precision": precisions["image"],
    }


def _outputs(trained: StageModel) -> list[str]:
    return ["pooled", "sequence"] if trained.model.fusion.wants_sequences else ["pooled"]
