"""``posthue bundle fp16``: a bundle for graphics cards, whose encoders compute in fp16.

The int8 of a bundle is made for processors: onnxruntime has no CUDA kernels for it, and brings activations
back to the processor at every multiplication. Here it is undone (graphs/dequantize.py), and the fp32 graph
that comes of it goes to fp16 (graphs/fp16.py). The head and all else of the bundle stay as they are, except
for the choice of ``posthue bundle optimize``, which was measured on a processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from posthue._version import __version__
from posthue.errors import BundleError, InputError, MissingExtraError, first_line
from posthue.files import write_json
from posthue.posts import Post, Prediction
from posthue.runtime.bundle.copying import copy_files, publish, read_config, require_new
from posthue.runtime.bundle.folder import Bundle
from posthue.runtime.classifier import load
from posthue.runtime.optimize.optimize import agreement

#: Share of labels that must be those of the same weights in fp32.
LEAST_AGREEMENT = 0.99
#: Share of labels that must be those of an int8 bundle: its own rounding changes some in a hundred.
LEAST_INT8_AGREEMENT = 0.95


@dataclass(frozen=True, slots=True)
class PrecisionComparison:
    """Answers against others: how many labels, the share that agrees, the largest gap of probabilities."""

    n: int
    label_agreement: float
    max_difference: float


@dataclass(frozen=True, slots=True)
class Fp16Report:
    """How far fp16 is from the same weights in fp32 (``fp32``), and from the bundle as given (``source``)."""

    fp32: PrecisionComparison
    source: PrecisionComparison


def make_fp16(
    bundle: Bundle,
    output: str | Path,
    posts: Sequence[Post],
    *,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fp16Report:
    """Write into ``output`` the bundle with its encoders in fp16; return how far its answers are from before.

    posts: predicted whole and by each modality alone, on the processor, where fp16 is slow; some tens.

    Raises TableError when the output exists, InputError when the posts have nothing that the bundle reads,
    MissingExtraError without onnx, and BundleError when the bundle is in fp16 already, a graph cannot be
    converted, or too many labels change; then nothing is written.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "train")
    output = Path(output)
    require_new(output)
    questions = _questions(bundle, posts)
    with TemporaryDirectory() as scratch:
        made = _make(bundle, Path(scratch), progress)
        answers = {}
        for name, folder in (*made.items(), ("source", bundle.path)):
            progress(f"predicting {len(questions)} posts: {name}")
            answers[name] = list(load(folder, threads=threads, device="cpu").predict_many(questions))
        report = Fp16Report(*(compare(answers["fp16"], answers[name]) for name in ("fp32", "source")))
        _check(bundle, report)
        _record(bundle, made["fp16"], report)
        publish(made["fp16"], output)
    return report


def compare(found: Sequence[Prediction], reference: Sequence[Prediction]) -> PrecisionComparison:
    """Compare what was answered to the same posts; a post without an answer agrees with none."""
    gaps = [
        abs(probability - other[name].probabilities[label])
        for one, other in zip(found, reference, strict=True)
        for name, result in one.schemes.items()
        if other.ok
        for label, probability in result.probabilities.items()
    ]
    labels = sum(len(other.schemes) for other in reference)
    return PrecisionComparison(
        labels, round(agreement(found, reference), 5), round(max(gaps, default=1.0), 5)
    )


def _questions(bundle: Bundle, posts: Sequence[Post]) -> list[Post]:
    """Return the posts as the bundle can read them: whole, and each modality alone."""
    texts = [Post(text=post.text) for post in posts if bundle.config.text and post.text]
    images = [Post(image=post.image) for post in posts if bundle.config.image and post.image is not None]
    whole = [Post(text=p.text, image=p.image) for p in posts if p.text and p.image is not None]
    if not texts and not images:
        raise InputError("the posts have no text and no picture that this bundle reads")
    return [*(whole if texts and images else ()), *texts, *images]


def _make(bundle: Bundle, scratch: Path, progress: Callable[[str], None]) -> dict[str, Path]:
    """Write the bundle in fp32 and in fp16; return precision → folder."""
    encoders = _encoders(bundle)
    graphs: dict[str, dict[str, Path]] = {"fp32": {}, "fp16": {}}
    for number, name in enumerate(name for names in encoders.values() for name in names):
        progress(f"converting {name}")
        full, half = (scratch / f"{number}.{kind}.onnx" for kind in graphs)
        _convert(bundle.file(name), full, half)
        graphs["fp32"][name], graphs["fp16"][name] = full, half
    for precision, replaced in graphs.items():
        copy_files(bundle, scratch / precision, replaced)
        config = read_config(bundle)
        config.pop("runtime", None)
        for name in encoders:
            config[name]["precision"] = precision
        write_json(scratch / precision / "config.json", config)
    return {precision: scratch / precision for precision in graphs}


def _encoders(bundle: Bundle) -> dict[str, list[str]]:
    """Return the encoders that are not in fp16, each with its graphs."""
    text, image = bundle.config.text, bundle.config.image
    found = {}
    if text is not None and text.precision != "fp16":
        found["text"] = [text.file]
    if image is not None and image.precision != "fp16":
        found["image"] = [name for name in (image.file, image.small_file) if name]
    if not found:
        raise BundleError(f"{bundle.path} is in fp16 already")
    return found


def _convert(source: Path, full: Path, half: Path) -> None:
    """Write a graph in fp32 and in fp16."""
    import onnx  # noqa: PLC0415

    from posthue.graphs.dequantize import dequantize  # noqa: PLC0415
    from posthue.graphs.fp16 import to_fp16  # noqa: PLC0415

    try:
        model = onnx.load(source)
        dequantize(model)
        onnx.save(model, full)
        onnx.save(to_fp16(model), half)
    except Exception as error:  # of onnx, onnxruntime and protobuf: no public base class
        reason = first_line(error)
        raise BundleError(f"{source} cannot be converted to fp16: {reason}") from error


def _check(bundle: Bundle, report: Fp16Report) -> None:
    parts = [part for part in (bundle.config.text, bundle.config.image) if part is not None]
    int8 = any(part.precision == "int8" for part in parts)
    least = LEAST_INT8_AGREEMENT if int8 else LEAST_AGREEMENT
    for against, compared, limit in (
        ("the same weights in fp32", report.fp32, LEAST_AGREEMENT),
        (f"{bundle.path}", report.source, least),
    ):
        if compared.label_agreement < limit:
            raise BundleError(
                f"fp16 changes {1 - compared.label_agreement:.1%} of {compared.n} labels of {against}, and "
                f"{1 - limit:.0%} is allowed: nothing is written; use the bundle as it is"
            )


def _record(bundle: Bundle, made: Path, report: Fp16Report) -> None:
    """Say in config.json what was measured; what was said of the source's graphs goes to the provenance."""
    import onnxruntime  # noqa: PLC0415

    config: dict[str, Any] = read_config(Bundle.open(made))
    before = read_config(bundle)
    config["provenance"] = {
        **(before.get("provenance") or {}),
        "fp16": {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "versions": {"posthue": __version__, "onnxruntime": onnxruntime.__version__},
            "precision_before": {p: before[p].get("precision") for p in ("text", "image") if before.get(p)},
            "parity_before": before.get("parity"),
        },
    }
    config["parity"] = {
        "fp16, the same weights in fp32": asdict(report.fp32),
        "fp16, the bundle that it was made from": asdict(report.source),
    }
    write_json(made / "config.json", config)
