"""The facts of a bundle, as plain data: what ``posthue info`` shows."""

from __future__ import annotations

import platform

from posthue._version import __version__
from posthue.runtime.bundle.folder import Bundle

_CARD = "MODEL_CARD.md"


def bundle_facts(bundle: Bundle) -> dict[str, object]:
    """Return name, schemes, parts, sizes, calibration, parity, provenance, and the software that runs it."""
    config = bundle.config
    sizes = bundle.sizes()
    return {
        "model": config.name,
        "folder": str(bundle.path),
        "made": {"created": config.created, "posthue": config.posthue_version},
        "schemes": {name: list(scheme.labels) for name, scheme in config.schemes.items()},
        **_parts(bundle),
        "size": {
            **{name: _megabytes(size) for name, size in sizes.items()},
            "all": _megabytes(sum(sizes.values())),
        },
        "temperatures": {
            name: {str(state): value for state, value in states.items()}
            for name, states in config.temperatures.items()
        },
        "priors": {name: list(prior) for name, prior in config.priors.items()},
        "parity": dict(config.parity),
        "provenance": dict(config.provenance),
        "model card": str(bundle.file(_CARD)) if bundle.file(_CARD).is_file() else "none",
        "software": _software(),
    }


def _parts(bundle: Bundle) -> dict[str, object]:
    text, image = bundle.config.text, bundle.config.image
    text_facts = text and {
        "vector": text.dim,
        "outputs": list(text.outputs),
        "longest text (tokens)": text.max_length,
        "normalised as": text.normalise,
        "precision": text.precision,
    }
    image_facts = image and {
        "vector": image.dim,
        "outputs": list(image.outputs),
        "picture": image.spec.to_dict(),
        "precision": image.precision,
    }
    return {"text": text_facts or "none", "image": image_facts or "none"}


def _software() -> dict[str, object]:
    import onnxruntime  # noqa: PLC0415

    return {
        "posthue": __version__,
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "providers": list(onnxruntime.get_available_providers()),
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
