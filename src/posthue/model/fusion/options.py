"""The options of the fusions: their names, types and allowed values, checked without building a model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posthue.errors import RecipeError

_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an option may be: one of ``values``, or a number from ``low`` to ``high``."""

    values: tuple[str, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")


#: Option → what it may be.
AllowedOptions = Mapping[str, Allowed]
#: Of entries zeroed in training.
DROPOUT = Allowed(low=0.0, high=0.95)
#: Of a loss in a sum of losses.
WEIGHT = Allowed(low=0.0, high=100.0)
#: Of a layer.
WIDTH = Allowed(low=1, high=8192)
#: Of a layer that may be left out.
HIDDEN = Allowed(low=0, high=8192)
HEADS = Allowed(low=1, high=64)
#: Rows and columns of patches.
GRID = Allowed(low=0, high=32)
#: What similarities are divided by.
TEMPERATURE = Allowed(low=0.001, high=100.0)


def check_options(kind: str, fusion: type, allowed: AllowedOptions, options: Mapping[str, Any]) -> None:
    """Raise RecipeError for an option that ``fusion`` does not have, or a value that it does not take."""
    parameters = inspect.signature(fusion).parameters.values()
    known = {p.name: str(p.annotation) for p in parameters if p.kind is p.KEYWORD_ONLY}
    for name, value in options.items():
        if name not in known:
            raise RecipeError(
                f"fusion {kind!r}: no option is called {name!r}; there are {', '.join(known) or 'none'}"
            )
        _check_type(kind, name, value, known[name])
        _check_value(kind, name, value, allowed.get(name, Allowed()))


def _check_type(kind: str, name: str, value: Any, wanted: str) -> None:
    fits = isinstance(value, _TYPES[wanted]) and (wanted == "bool") == isinstance(value, bool)
    if not fits:
        raise RecipeError(f"fusion {kind!r}: {name} {value!r} is not {_NAMES[wanted]}")


def _check_value(kind: str, name: str, value: Any, allowed: Allowed) -> None:
    if allowed.values and value not in allowed.values:
        raise RecipeError(f"fusion {kind!r}: {name} {value!r} is not one of {', '.join(allowed.values)}")
    if isinstance(value, (int, float)) and not allowed.low <= value <= allowed.high:
        raise RecipeError(
            f"fusion {kind!r}: {name} {value!r} is not from {allowed.low:g} to {allowed.high:g}"
        )
