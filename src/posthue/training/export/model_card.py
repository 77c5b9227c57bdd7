"""The model card that is written into every bundle: what made it, and what was measured while it was made.

It begins with the metadata that the Hugging Face Hub reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

TAGS = ("emotion", "sentiment", "social-media", "multimodal", "onnx")


def model_card(config: Mapping[str, Any]) -> ModelCard:
    """Return the card of a bundle, from its config.json."""
    read = [modality for modality in ("text", "image") if config[modality] is not None]
    tasks = [f"{modality}-classification" for modality in read]
    metadata = ModelCardData(
        language="en",
        license="unknown",
        library_name="posthue",
        pipeline_tag=tasks[0],
        tags=[*TAGS, *tasks[1:]],
    )
    return ModelCard("\n".join(("---", str(metadata), "---", "", *_lines(config), "")))


def _lines(config: Mapping[str, Any]) -> Iterator[str]:
    recipe = config["provenance"]["recipe"]
    yield f"# {config['name']}"
    yield ""
    yield "Predicts the emotion that a post expresses, from its text, its image, or both."
    yield "Made by `posthue train`."
    yield ""
    for scheme, labels in config["schemes"].items():
        yield f"- {scheme}: {', '.join(labels)}"
    yield ""
    yield "## How it was made"
    yield ""
    for stage in recipe["stages"]:
        encoders = [stage[k] for k in ("text", "image", "small_image") if stage[k]]
        corpora = dict.fromkeys(source["corpus"] for source in stage["train"])
        yield (
            f"- stage {stage['name']}: {', '.join(encoders)}; fusion {stage['fusion']}; "
            f"{stage['epochs']} epochs on {', '.join(corpora)}"
        )
    yield f"- seed {recipe['seed']}; versions: {_versions(config['provenance']['versions'])}"
    yield ""
    yield "## Validation, torch, best epoch kept"
    yield ""
    yield "| stage | set | value |"
    yield "|---|---|---|"
    for stage, metrics in config["provenance"].get("validation", {}).items():
        yield from (f"| {stage} | {name} | {value:.4f} |" for name, value in metrics.items())
    yield ""
    yield "## Bundle against torch fp32"
    yield ""
    yield "| set | n | label agreement | largest difference of a probability |"
    yield "|---|---|---|---|"
    for name, values in config["parity"].items():
        yield f"| {name} | {values['n']} | {values['label_agreement']:.4f} | {values['max_difference']:.4f} |"


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if name != "platform")
