"""The models that ``compare``, ``crossval`` and ``tune`` know by name, with their settings.

``text``, ``image``: one encoder and a linear classifier. ``lexicon``: VADER, no training; a word list of the
user's, by the name given to it: the same. ``words``: counted words, no encoder. The fusions by their names.
``late:product`` sets a fusion's main option; ``joint:pooling=max:hidden=64`` any. ``text+lexicon`` gives a
model the lexicon's features beside the text's vector, ``text+words`` what counted words say,
``text+lexicon+words`` both.

The defaults were chosen on three grouped folds of MVSA-Single's train split, with frozen encoders: a few
thousand photos are learned by heart at once, so the image's side is regularised strongly (docs/research.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from posthue.errors import RecipeError, choices
from posthue.model.fusion.base import Fusion, FusionSettings, make_fusion
from posthue.settings import read_settings
from posthue.training.recipes.head_settings import HeadSettings

LEXICON = "lexicon"
WORDS = "words"

#: What ``fusion:VALUE`` sets.
_MAIN_OPTION = {"late": "rule", "joint": "pooling", "common-space": "form"}

_SINGLE = HeadSettings(learning_rate=2e-3, weight_decay=0.1)
_FUSED = HeadSettings(learning_rate=1e-3, weight_decay=0.3)
_PROJECTED = {"pooling": "sum", "dropout": 0.2, "image_dropout": 0.85, "hidden": 64}

#: name → (fusion, its options, how it is trained).
_KNOWN: Mapping[str, tuple[str, Mapping[str, Any], HeadSettings]] = {
    "text": ("single", {"dropout": 0.2}, _SINGLE),
    "image": ("single", {"dropout": 0.7}, HeadSettings(epochs=50, learning_rate=3e-4, weight_decay=0.1)),
    "late": ("late", {"dropout": 0.1, "image_dropout": 0.8}, _SINGLE),
    "early": ("early", {"dropout": 0.5}, _FUSED),
    "joint": ("joint", _PROJECTED, _FUSED),
    "common-space": ("common-space", {**_PROJECTED, "weight": 0.1}, replace(_FUSED, modality_dropout=0.35)),
    "attention": ("attention", {"dropout": 0.4}, replace(_FUSED, epochs=15, patience=4)),
    "gated": ("gated", {"dim": 32, "dropout": 0.3, "image_dropout": 0.85}, _FUSED),
}
_NAMES = (*_KNOWN, LEXICON, WORDS)
_LIST_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to train.

    modality: of a model that reads one, else None. lexicons: name → digest of the word list ("" for VADER)
    whose features stand beside the text's, or, of a lexicon, which it is. words: give it what counted words
    say. fixed: options that its name sets, which a search leaves alone.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: HeadSettings = field(default_factory=HeadSettings)
    modality: str | None = None
    lexicons: Mapping[str, str] = field(default_factory=dict)
    words: bool = False
    fixed: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.modality,) if self.modality else ("text", "image")

    @property
    def trained(self) -> bool:
        """Whether there is a fusion to train."""
        return self.kind not in (LEXICON, WORDS)

    def make(self, text_dim: int | None, image_dim: int | None, schemes: Mapping[str, int]) -> Fusion:
        """Build the fusion for encoders of these sizes."""
        if self.modality is not None:
            text_dim, image_dim = (
                dim if self.modality == name else None
                for name, dim in (("text", text_dim), ("image", image_dim))
            )
        return make_fusion(self.kind, FusionSettings(text_dim, image_dim, schemes, self.options))

    def wants_sequences(self) -> bool:
        """Tell whether it attends over tokens and patches."""
        return self.trained and self.make(8, 8, {"scheme": 2}).wants_sequences

    def facts(self) -> dict[str, Any]:
        """Return plain data that names the model and its settings."""
        return {**asdict(self), "options": dict(self.options)}


def candidate_from_facts(facts: Mapping[str, Any]) -> Candidate:
    """Return the model that ``Candidate.facts`` describes, from JSON too."""
    return read_settings(Candidate, facts, "the model", error=RecipeError)


def parse_models(names: str | Sequence[str], lists: Mapping[str, str] | None = None) -> list[Candidate]:
    """Read names, or a list of them with commas; raise RecipeError for one that is not known.

    lists: name → digest of the word lists that may stand where ``lexicon`` may.
    """
    items = ",".join([names] if isinstance(names, str) else names).split(",")
    found = [candidate(item.strip(), lists) for item in items if item.strip()]
    if not found:
        raise RecipeError(f"no models: give --candidate, any of {', '.join(_names(lists))}")
    repeated = {c.name for c in found if [d.name for d in found].count(c.name) > 1}
    if repeated:
        raise RecipeError(f"--candidate names {sorted(repeated)[0]!r} twice")
    return found


def candidate(name: str, lists: Mapping[str, str] | None = None) -> Candidate:
    """Return the model called ``name`` (see above). lists: as for ``parse_models``."""
    known = {LEXICON: "", **(lists or {})}
    plain, *beside = name.split("+")
    base, *changes = plain.split(":")
    if set(beside) - {*known, WORDS} or len(set(beside)) < len(beside):
        raise RecipeError(
            f"{name!r}: what may stand behind a model is {' or '.join(f'+{b}' for b in (*known, WORDS))}"
        )
    if base not in {*_NAMES, *known}:
        raise RecipeError(f"no model is called {base!r}; there are {choices(base, _names(lists))}")
    lexicons, words = {b: known[b] for b in beside if b in known}, WORDS in beside
    if base in known:
        if changes or beside:
            raise RecipeError(f"{name!r}: write {base}, or words+{base} to learn from it")
        return Candidate(name, LEXICON, modality="text", lexicons={base: known[base]})
    if base == WORDS:
        if changes or words:
            raise RecipeError(f"{name!r}: write lexicon, words or words+lexicon")
        return Candidate(name, WORDS, modality="text", lexicons=lexicons)
    kind, options, settings = _KNOWN[base]
    modality = base if kind == "single" else None
    if modality == "image" and beside:
        raise RecipeError(f"{name}: the {beside[0]} are of texts, which this model does not read")
    given = dict(_option(base, change) for change in changes)
    made = Candidate(name, kind, {**options, **given}, settings, modality, lexicons, words, tuple(given))
    made.make(8, 8, {"scheme": 2})  # a wrong option is an error now
    return made


def _names(lists: Mapping[str, str] | None) -> list[str]:
    return [*_NAMES, *(lists or ())]


def check_list_name(name: str) -> str:
    """Return the name of a word list; raise RecipeError for one that a model's name cannot have in it."""
    if name in _NAMES or not _LIST_NAME.fullmatch(name):
        raise RecipeError(
            f"a word list cannot be called {name!r}: use small letters, digits and hyphens, "
            f"and none of {', '.join(_NAMES)}"
        )
    return name


def _option(base: str, change: str) -> tuple[str, Any]:
    name, equals, value = change.partition("=")
    if equals:
        return name, _plain(value)
    if base not in _MAIN_OPTION:
        raise RecipeError(f"{base}:{change}: write {base}:OPTION=VALUE")
    return _MAIN_OPTION[base], change


def _plain(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
