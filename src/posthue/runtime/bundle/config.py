"""The config.json of a bundle, read and checked: what the model is made of, and its calibration.

Everything that can be wrong in the file is found here, so that the rest of the runtime can trust it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from posthue.errors import BundleError, InputError
from posthue.labels import LabelScheme, current_names
from posthue.posts import State
from posthue.runtime.bundle.fields import Fields

if TYPE_CHECKING:
    from posthue.data.images.decode import ImageSpec

FORMAT = 1
OUTPUTS = ("pooled", "sequence")
NORMALISERS = ("tweet", "none")
BACKENDS = ("onnxruntime", "openvino")
PRECISIONS = ("fp32", "bf16", "int8")


@dataclass(frozen=True, slots=True)
class TextPart:
    """The text encoder: its files, how a text is prepared for it, and what it gives (vectors of ``dim``)."""

    file: str
    tokenizer: str
    max_length: int
    pad_id: int
    normalise: str
    outputs: tuple[str, ...]
    dim: int
    precision: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The image encoder: its file, how a picture is prepared for it, and what it gives.

    small_file: a second encoder, for the pictures that the spec brings to its small size; None: the same one.
    """

    file: str
    spec: ImageSpec
    outputs: tuple[str, ...]
    dim: int
    precision: str
    small_file: str | None = None


@dataclass(frozen=True, slots=True)
class TunedPart:
    """How ``posthue bundle tune`` found an encoder to be fastest; None: the usual.

    backend: what runs the graph. precision: what it computes in. rows: of a batch, at most. tokens: of a
    batch of texts, padding counted.
    """

    backend: str = "onnxruntime"
    precision: str = "fp32"
    rows: int | None = None
    tokens: int | None = None


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


def parse_config(data: object, where: Path) -> BundleConfig:
    """Return the checked config; raise BundleError naming ``where`` and the field that is wrong."""
    fields = Fields.of(data, str(where))
    _check_format(fields)
    schemes = _schemes(_by_scheme(fields, "schemes"))
    text, image = _text(fields.optional_group("text")), _image(fields.optional_group("image"))
    if text is None and image is None:
        raise fields.wrong("text", "and image are both null: a bundle has at least one of them")
    states = possible_states(has_text=text is not None, has_image=image is not None)
    return BundleConfig(
        name=fields.text("name"),
        posthue_version=fields.text("posthue_version", default="unknown"),
        created=fields.text("created", default="unknown"),
        schemes=schemes,
        priors=_priors(_by_scheme(fields, "priors"), schemes),
        temperatures=_temperatures(_by_scheme(fields, "temperatures"), schemes, states),
        logits={
            scheme: f"logits_{name}"
            for scheme, name in zip(schemes, fields.group("schemes").data, strict=True)
        },
        text=text,
        image=image,
        head=fields.group("head").file("file"),
        parity=fields.optional_mapping("parity"),
        provenance=fields.optional_mapping("provenance"),
        runtime=_runtime(fields.optional_group("runtime")),
    )


def _check_format(fields: Fields) -> None:
    found = fields.data.get("format")
    if found != FORMAT or isinstance(found, bool):
        raise BundleError(
            f"{fields.where}: the bundle has format {found!r} and this posthue reads format {FORMAT}; "
            "use the posthue version that made it, or export it again"
        )


def _by_scheme(fields: Fields, key: str) -> Fields:
    """Return a group whose keys are schemes, under their present names."""
    group = fields.group(key)
    return Fields(current_names(group.data), group.where)


def _schemes(fields: Fields) -> Mapping[str, LabelScheme]:
    if not fields.data:
        raise BundleError(f"{fields.where} is empty: a bundle has at least one label scheme")
    return {name: LabelScheme(name, _labels(fields, name)) for name in fields.data}


def _labels(fields: Fields, name: str) -> tuple[str, ...]:
    labels = fields.strings(name)
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise fields.wrong(name, "must be a list of two or more different labels")
    return labels


def _priors(fields: Fields, schemes: Mapping[str, LabelScheme]) -> Mapping[str, tuple[float, ...]]:
    return {name: _prior(fields, name, len(scheme)) for name, scheme in schemes.items()}


def _prior(fields: Fields, name: str, size: int) -> tuple[float, ...]:
    values = fields.numbers(name)
    if len(values) != size or min(values) < 0 or abs(sum(values) - 1) > 0.01:
        raise fields.wrong(name, f"must be {size} probabilities that sum to 1")
    return values


def _temperatures(
    fields: Fields, schemes: Mapping[str, LabelScheme], states: Sequence[State]
) -> Mapping[str, Mapping[State, float]]:
    return {name: {state: fields.group(name).positive(state) for state in states} for name in schemes}


def _text(fields: Fields | None) -> TextPart | None:
    if fields is None:
        return None
    return TextPart(
        file=fields.file("file"),
        tokenizer=fields.file("tokenizer"),
        max_length=fields.whole("max_length", least=1),
        pad_id=fields.whole("pad_id", least=0),
        normalise=fields.one_of("normalise", NORMALISERS),
        outputs=_outputs(fields),
        dim=fields.whole("dim", least=1),
        precision=fields.text("precision", default="fp32"),
    )


def _image(fields: Fields | None) -> ImagePart | None:
    if fields is None:
        return None
    return ImagePart(
        file=fields.file("file"),
        spec=_image_spec(fields),
        outputs=_outputs(fields),
        dim=fields.whole("dim", least=1),
        precision=fields.text("precision", default="fp32"),
        small_file=fields.file("small_file") if fields.data.get("small_file") is not None else None,
    )


def _image_spec(fields: Fields) -> ImageSpec:
    from posthue.data.images.decode import ImageSpec  # noqa: PLC0415  (Pillow)

    try:
        return ImageSpec.from_dict(dict(fields.group("spec").data))
    except InputError as error:
        raise fields.wrong("spec", f"does not describe how pictures are prepared ({error})") from error


def _runtime(fields: Fields | None) -> RuntimeChoice:
    if fields is None:
        return RuntimeChoice()
    groups = {name: fields.optional_group(name) for name in ("text", "image")}
    return RuntimeChoice(
        parts={name: _tuned(group) for name, group in groups.items() if group is not None},
        streams=_optional_whole(fields, "streams"),
    )


def _tuned(fields: Fields) -> TunedPart:
    return TunedPart(
        backend=fields.one_of("backend", BACKENDS),
        precision=fields.one_of("precision", PRECISIONS),
        rows=_optional_whole(fields, "rows"),
        tokens=_optional_whole(fields, "tokens"),
    )


def _optional_whole(fields: Fields, name: str) -> int | None:
    return None if fields.data.get(name) is None else fields.whole(name, least=1)


def _outputs(fields: Fields) -> tuple[str, ...]:
    outputs = fields.strings("outputs")
    if "pooled" not in outputs or not set(outputs) <= set(OUTPUTS):
        raise fields.wrong("outputs", 'must be ["pooled"] or ["pooled", "sequence"]')
    return outputs
