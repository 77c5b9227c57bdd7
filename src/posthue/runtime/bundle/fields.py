"""Reading one JSON object of a bundle's config field by field, with an error that names the field."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from posthue.errors import BundleError


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object, and where it stands (file and path to it) for the messages."""

    data: Mapping[str, object]
    where: str

    @classmethod
    def of(cls, data: object, where: str) -> Fields:
        """Return ``data`` as fields; raise BundleError unless it is a JSON object."""
        if not isinstance(data, dict):
            raise BundleError(f"{where} must be a JSON object, not {type(data).__name__}")
        return cls(cast("Mapping[str, object]", data), where)

    def wrong(self, key: str, rule: str) -> BundleError:
        """Return the error that says which rule the field ``key`` breaks."""
        return BundleError(f"{self.where}: {key} {rule}")

    def get(self, key: str) -> object:
        """Return the field; raise BundleError when it is missing."""
        if key not in self.data:
            raise self.wrong(key, "is missing")
        return self.data[key]

    def group(self, key: str) -> Fields:
        """Return the object under ``key``."""
        return Fields.of(self.get(key), f"{self.where}: {key}")

    def optional_group(self, key: str) -> Fields | None:
        """Return the object under ``key``, or None where it is null or missing."""
        return None if self.data.get(key) is None else self.group(key)

    def optional_mapping(self, key: str) -> Mapping[str, object]:
        """Return the object under ``key`` as it is, or an empty one."""
        group = self.optional_group(key)
        return group.data if group else {}

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a string that is not empty."""
        value = self.get(key) if default is None else self.data.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text that is not empty")
        return value

    def one_of(self, key: str, known: Sequence[str]) -> str:
        """Return a string out of ``known``."""
        value = self.text(key)
        if value not in known:
            raise self.wrong(key, f"is {value!r} and must be one of {', '.join(known)}")
        return value

    def file(self, key: str) -> str:
        """Return a file's bare name: a bundle never names a file outside its folder."""
        value = self.text(key)
        if value in {".", ".."} or any(mark in value for mark in "/\\:\0"):
            raise self.wrong(key, f"is {value!r} and must be the bare name of a file in the bundle's folder")
        return value

    def whole(self, key: str, *, least: int) -> int:
        """Return a whole number of at least ``least``."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(key, f"must be a whole number of at least {least}")
        return value

    def positive(self, key: str) -> float:
        """Return a finite number above 0."""
        value = self.get(key)
        if not _is_number(value) or cast("float", value) <= 0:
            raise self.wrong(key, "must be a number above 0")
        return float(cast("float", value))

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(key, "must be a list of texts")
        return tuple(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of finite numbers that is not empty."""
        value = self.get(key)
        if not isinstance(value, list) or not value or not all(map(_is_number, value)):
            raise self.wrong(key, "must be a list of numbers")
        return tuple(float(item) for item in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
