"""The config.json of a bundle, read and checked: what the model is made of, and its calibration.

Everything that can be wrong in the file is found here, so that the rest of the runtime can trust it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from posthue.data.images.spec import ImageSpec
from posthue.errors import BundleError
from posthue.labels import OLD_NAMES, LabelScheme
from posthue.posts import State
from posthue.settings import Count, Filled, Number, OneOf, Positive, Range, Renamed, Rule, read_settings

T = TypeVar("T")
K = TypeVar("K", bound=str)

FORMAT = 1
OUTPUTS = ("pooled", "sequence")
NORMALISERS = ("tweet", "none")
BACKENDS = ("onnxruntime", "openvino")
PRECISIONS = ("fp32", "bf16", "int8")

#: A bundle never names a file outside its folder.
FileName = Annotated[
    str,
    Rule(
        "the bare name of a file in the bundle's folder",
        lambda name: name not in {"", ".", ".."} and not any(mark in name for mark in "/\\:\0"),
    ),
]
Outputs = Annotated[
    tuple[Annotated[str, OneOf(OUTPUTS)], ...],
    Rule('["pooled"] or ["pooled", "sequence"]', lambda names: "pooled" in names),
]
SchemeKey = Annotated[str, Renamed(OLD_NAMES)]
Labels = Annotated[
    tuple[Filled, ...],
    Rule(
        "a list of two or more different labels",
        lambda names: len(names) > 1 and len(set(names)) == len(names),
    ),
]
Probabilities = tuple[Annotated[float, Range(least=0)], ...]


@dataclass(frozen=True, slots=True)
class TextPart:
    """The text encoder: its files, how a text is prepared for it, and what it gives (vectors of ``dim``)."""

    file: FileName
    tokenizer: FileName
    max_length: Count
    pad_id: Number
    normalise: Annotated[str, OneOf(NORMALISERS)]
    outputs: Outputs
    dim: Count
    precision: Filled = "fp32"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The image encoder: its file, how a picture is prepared for it, and what it gives.

    small_file: a second encoder, for the pictures that the spec brings to its small size; None: the same one.
    """

    file: FileName
    spec: ImageSpec
    outputs: Outputs
    dim: Count
    precision: Filled = "fp32"
    small_file: FileName | None = None


@dataclass(frozen=True, slots=True)
class TunedPart:
    """How ``posthue bundle optimize`` found an encoder to be fastest; None: the usual.

    backend: what runs the graph. precision: what it computes in. rows: of a batch, at most. tokens: of a
    batch of texts, padding counted.
    """

    backend: Annotated[str, OneOf(BACKENDS)] = "onnxruntime"
    precision: Annotated[str, OneOf(PRECISIONS)] = "fp32"
    rows: Count | None = None
    tokens: Count | None = None


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """What was measured to be fastest on some machine. streams: see sessions.Sessions; None: all threads."""

    parts: Mapping[str, TunedPart] = field(default_factory=dict)
    streams: int | None = None


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """All of config.json.

    priors: per scheme, the probability of each label before anything of a post is seen.
    temperatures: per scheme and state, what logits are divided by before the softmax (Guo et al. 2017).
    logits: per scheme, the name of the head's output.
    """

    name: str
    posthue_version: str
    created: str
    schemes: Mapping[str, LabelScheme]
    priors: Mapping[str, tuple[float, ...]]
    temperatures: Mapping[str, Mapping[State, float]]
    logits: Mapping[str, str]
    text: TextPart | None
    image: ImagePart | None
    head: str
    parity: Mapping[str, object]
    provenance: Mapping[str, object]
    runtime: RuntimeChoice = field(default_factory=RuntimeChoice)

    @property
    def states(self) -> tuple[State, ...]:
        """The states that a post can have for this model."""
        return possible_states(has_text=self.text is not None, has_image=self.image is not None)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that the folder must hold beside config.json."""
        text = (self.text.file, self.text.tokenizer) if self.text else ()
        image = tuple(f for f in (self.image.file, self.image.small_file) if f) if self.image else ()
        return (*text, *image, self.head)


def possible_states(*, has_text: bool, has_image: bool) -> tuple[State, ...]:
    """Return the states that a post can have for a model with these encoders."""
    if has_text and has_image:
        return (State.BOTH, State.TEXT, State.IMAGE)
    return (State.TEXT,) if has_text else (State.IMAGE,)


@dataclass(frozen=True, slots=True)
class _Head:
    file: FileName


@dataclass(frozen=True, slots=True)
class _Runtime:
    text: TunedPart | None = None
    image: TunedPart | None = None
    streams: Count | None = None

    def choice(self) -> RuntimeChoice:
        parts = {"text": self.text, "image": self.image}
        return RuntimeChoice({name: part for name, part in parts.items() if part}, self.streams)


@dataclass(frozen=True, slots=True)
class _File:
    """config.json as it is written."""

    name: Filled
    schemes: Annotated[Mapping[SchemeKey, Labels], Rule("a mapping with at least one label scheme", bool)]
    priors: Mapping[SchemeKey, Probabilities]
    temperatures: Mapping[SchemeKey, Mapping[str, Positive]]
    head: _Head
    text: TextPart | None = None
    image: ImagePart | None = None
    posthue_version: Filled = "unknown"
    created: Filled = "unknown"
    parity: Mapping[str, object] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    runtime: _Runtime = field(default_factory=_Runtime)


def parse_config(data: object, where: Path) -> BundleConfig:
    """Return the checked config; raise BundleError naming ``where`` and the field that is wrong."""
    _check_format(data, where)
    file = read_settings(_File, data, str(where), error=BundleError, extra=True)
    if file.text is None and file.image is None:
        raise BundleError(f"{where}: text and image are both null: a bundle has at least one of them")
    # the outputs of the head have the schemes' names as they are written
    written = data["schemes"] if isinstance(data, Mapping) else ()
    return BundleConfig(
        name=file.name,
        posthue_version=file.posthue_version,
        created=file.created,
        schemes={name: LabelScheme(name, labels) for name, labels in file.schemes.items()},
        priors=_priors(file, f"{where}: priors"),
        temperatures=_temperatures(file, f"{where}: temperatures"),
        logits={scheme: f"logits_{name}" for scheme, name in zip(file.schemes, written, strict=True)},
        text=file.text,
        image=file.image,
        head=file.head.file,
        parity=file.parity,
        provenance=file.provenance,
        runtime=file.runtime.choice(),
    )


def _temperatures(file: _File, where: str) -> dict[str, dict[State, float]]:
    states = possible_states(has_text=file.text is not None, has_image=file.image is not None)
    known = _each(file.temperatures, file.schemes, where)
    return {name: _each(values, states, f"{where}: {name}") for name, values in known.items()}


def _check_format(data: object, where: Path) -> None:
    found = data.get("format") if isinstance(data, Mapping) else FORMAT
    if found != FORMAT or isinstance(found, bool):
        raise BundleError(
            f"{where}: the bundle has format {found!r} and this posthue reads format {FORMAT}; "
            "use the posthue version that made it, or export it again"
        )


def _each(values: Mapping[str, T], names: Iterable[K], where: str) -> dict[K, T]:
    """Return the values of all names; raise BundleError for the first that has none."""
    for name in names:
        if name not in values:
            raise BundleError(f"{where}: {name} is missing")
    return {name: values[name] for name in names}


def _priors(file: _File, where: str) -> dict[str, tuple[float, ...]]:
    priors = _each(file.priors, file.schemes, where)
    for name, prior in priors.items():
        size = len(file.schemes[name])
        if len(prior) != size or abs(sum(prior) - 1) > 0.01:
            raise BundleError(f"{where}: {name} must be {size} probabilities that sum to 1")
    return priors
