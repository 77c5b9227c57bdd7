"""Settings from plain data, as YAML and JSON give it, checked against the annotations of their fields.

A field says what it may hold: ``epochs: Annotated[int, Range(least=1)]``, or another dataclass. An error says
where the value stands (file and fields), what it is, and what it may be.

>>> @dataclass
... class Loop:
...     epochs: Annotated[int, Range(least=1)] = 3
>>> read_settings(Loop, {"epochs": 5}, "loop.yaml")
Loop(epochs=5)
>>> read_settings(Loop, {"epochs": 0}, "loop.yaml")
Traceback (most recent call last):
posthue.errors.InputError: loop.yaml: epochs: 0 is not a whole number of at least 1
>>> read_settings(Loop, {"epoch": 5}, "loop.yaml")
Traceback (most recent call last):
posthue.errors.InputError: loop.yaml: 'epoch' is not one of epochs. Did you mean 'epochs'?
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from math import inf
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from posthue.errors import InputError, PosthueError, choices, nearest

T = TypeVar("T")

#: What a value of each type is called in a message; a bool is no number.
_KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    tuple: ((list, tuple), "a list"),
    Mapping: ((Mapping,), "a mapping"),
    Path: ((str, Path), "a path"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Where a number lies; a list has so many items. Infinity and not-a-number are in no range."""

    least: float = -inf
    most: float = inf
    above: float = -inf
    below: float = inf

    def holds(self, value: Any) -> bool:
        """Whether a number, or the length of a list, is in the range."""
        number = len(value) if isinstance(value, (list, tuple)) else value
        return self.least <= number <= self.most and self.above < number < self.below

    def phrase(self, kind: str) -> str:
        """Say it of a kind of value: ``a number from 0 to 0.5``."""
        first = "from" if min(self.most, self.below) < inf else "of at least"
        limits = {first: self.least, "above": self.above, "to": self.most, "below": self.below}
        return " ".join([kind, *(f"{word} {limit:g}" for word, limit in limits.items() if abs(limit) < inf)])


@dataclass(frozen=True, slots=True)
class OneOf:
    """The texts that a field may hold; a function where they are known only later."""

    names: Iterable[str] | Callable[[], Iterable[str]]

    def known(self) -> tuple[str, ...]:
        """Return the texts."""
        return tuple(self.names() if callable(self.names) else self.names)

    def holds(self, value: Any) -> bool:
        """Whether a text is one of them."""
        return value in self.known()

    def phrase(self, _: str) -> str:
        """Say which they are."""
        return f"one of {', '.join(self.known()) or 'none'}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Any other rule for a value. text: what stands behind "is not". test: whether a value keeps it."""

    text: str
    test: Callable[[Any], bool]

    def holds(self, value: Any) -> bool:
        """Whether a value keeps the rule."""
        return self.test(value)

    def phrase(self, _: str) -> str:
        """Say the rule."""
        return self.text


@dataclass(frozen=True, slots=True)
class Renamed:
    """Old texts and what they are called now."""

    names: Mapping[str, str]


Positive = Annotated[float, Range(above=0)]
Share = Annotated[float, Range(least=0, most=1)]
Count = Annotated[int, Range(least=1)]
Number = Annotated[int, Range(least=0)]
Filled = Annotated[str, Rule("a text that is not empty", bool)]


def read_settings(
    kind: type[T],
    values: object,
    where: str,
    *,
    error: type[PosthueError] = InputError,
    extra: bool = False,
) -> T:
    """Build a dataclass, and those within it, from plain data.

    where: the file, or what else the user knows it by, for messages. error: the class that is raised for a
    field that is unknown, missing, or holds what it may not. extra: let unknown fields pass, except in a
    class whose ``exact`` is true. A list or mapping that is null is an empty one.
    """
    found: T = _Reader(error, extra).settings(kind, values, where)
    return found


def read_value(hint: Any, value: object, where: str, *, error: type[PosthueError] = InputError) -> Any:
    """Return a value as an annotation wants it; raise ``error`` for one that does not fit."""
    return _Reader(error).value(hint, value, where)


def check_options(function: Any, values: Mapping[str, Any], where: str, *, error: type[PosthueError]) -> None:
    """Raise ``error`` for values that a class or function does not take as its keyword-only arguments."""
    _Reader(error).fields(function, values, where)


def check_settings(settings: Any, where: str = "", *, error: type[PosthueError] = InputError) -> None:
    """Raise ``error`` for a field of a dataclass that holds what it may not."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    _Reader(error).fields(type(settings), values, where)


def options_of(function: Any) -> dict[str, Any]:
    """Return keyword-only argument → its annotation, of a class or function; see ``rules_of``."""
    return {name: hint for name, (hint, _) in _options(function).items()}


def rules_of(hint: Any) -> tuple[Any, ...]:
    """Return the rules (Range, OneOf …) of an annotation."""
    return getattr(hint, "__metadata__", ())


def require_known(
    given: Iterable[Any], known: Collection[str], where: str, *, error: type[PosthueError]
) -> None:
    """Raise ``error`` for the first name that is not among the known ones, with the nearest of them."""
    for name in given:
        if name not in known:
            raise error(f"{where}: {name!r} is not one of {choices(str(name), known)}")


@cache
def _options(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Return field → annotation and whether it must be given: of a dataclass, or keyword-only arguments."""
    hints = get_type_hints(kind if is_dataclass(kind) else kind.__init__, include_extras=True)
    parameters = inspect.signature(kind).parameters.values()
    chosen = [p for p in parameters if is_dataclass(kind) or p.kind is p.KEYWORD_ONLY]
    return {p.name: (hints[p.name], p.default is p.empty) for p in chosen}


@dataclass(frozen=True, slots=True)
class _Reader:
    error: type[PosthueError]
    extra: bool = False

    def settings(self, kind: Any, values: Any, where: str) -> Any:
        found = self.fields(kind, values, where)
        lacking = [name for name, (_, needed) in _options(kind).items() if needed and name not in found]
        if lacking:
            raise self.error(f"{_at(where, lacking[0])} is missing")
        return kind(**found)

    def fields(self, kind: Any, values: Any, where: str) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            raise self.error(f"{where}: {values!r} is not a mapping of fields to values")
        options = _options(kind)
        if not self.extra or getattr(kind, "exact", False):
            require_known(values, options, where, error=self.error)
        return {n: self.value(options[n][0], v, _at(where, n)) for n, v in values.items() if n in options}

    def value(self, hint: Any, value: Any, where: str, *, also: str = "") -> Any:
        """Return a value as its annotation wants it. also: what else it may be, for the message."""
        kind, *rules = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        parts = [part for part in get_args(kind) if part is not NoneType]
        if kind in (Any, object) or (value is None and NoneType in get_args(kind)):
            return value
        if NoneType in get_args(kind):
            return self.value(parts[0], value, where, also=" or null")
        if isinstance(kind, type) and is_dataclass(kind):
            if isinstance(value, kind):
                return value
            return self.settings(kind, {} if value is None else value, where)
        return self._plain(get_origin(kind) or kind, parts, rules, value, where, also)

    def _plain(self, kind: Any, parts: list[Any], rules: list[Any], value: Any, where: str, also: str) -> Any:
        """Return a text, a number, a list or a mapping. parts: the annotations of what is in it."""
        if kind is tuple:
            value = self._list(parts[0], [] if value is None else value, where, also)
        elif kind is Mapping:
            value = self._mapping(parts, {} if value is None else value, where, also)
        for rule in rules:
            if isinstance(rule, Renamed):
                value = rule.names.get(value, value) if isinstance(value, str) else value
        self._check(kind, [rule for rule in rules if not isinstance(rule, Renamed)], value, where, also)
        return value

    def _check(self, kind: Any, rules: Sequence[Any], value: Any, where: str, also: str) -> None:
        types, words = _KINDS[kind]
        rules = [Range(), *rules] if kind is float else rules
        fits = isinstance(value, types) and (kind is bool or not isinstance(value, bool))
        if not fits or not all(rule.holds(value) for rule in rules):
            for rule in rules:
                words = rule.phrase(words)
            near = [nearest(str(value), rule.known()) for rule in rules if isinstance(rule, OneOf)]
            shown = list(value) if isinstance(value, tuple) else value
            raise self.error(f"{where}: {shown!r} is not {words}{also}{''.join(near)}")

    def _list(self, hint: Any, values: Any, where: str, also: str) -> tuple[Any, ...]:
        self._check(tuple, (), values, where, also)
        return tuple(
            self.value(hint, item, _item(hint, item, number, where)) for number, item in enumerate(values, 1)
        )

    def _mapping(self, hints: list[Any], values: Any, where: str, also: str) -> dict[Any, Any]:
        self._check(Mapping, (), values, where, also)
        found: dict[Any, Any] = {}
        for name, value in values.items():
            key = self.value(hints[0], name, where)
            if key in found:
                raise self.error(f"{where}: {key!r} is there twice")
            found[key] = self.value(hints[1], value, _at(where, key))
        return found


def _at(where: str, name: object) -> str:
    return f"{where}: {name}" if where else f"{name}"


def _item(hint: Any, value: Any, number: int, where: str) -> str:
    """Say where an item of a list stands: one with fields by its first, such as its name."""
    if not is_dataclass(hint):
        return where
    first = next(iter(_options(hint)))  # type: ignore[arg-type]  # a class can be hashed
    label = value.get(first) if isinstance(value, Mapping) else None
    return f"{where.removesuffix('s')} {label!r}" if isinstance(label, str) else f"{where}: item {number}"
