"""Settings from plain data, and every field of a settings class with its meaning under it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import ModuleType
from typing import Annotated, Any

import pytest

from posthue.apps.service import settings as service
from posthue.apps.telegram import settings as telegram
from posthue.data.images import spec
from posthue.errors import BundleError, InputError
from posthue.settings import (
    Count,
    Filled,
    OneOf,
    Positive,
    Range,
    Renamed,
    Rule,
    check_options,
    check_settings,
    read_settings,
    read_value,
)

NAMES = ("adamw", "radam")
Name = Annotated[str, Renamed({"adam": "adamw"}), OneOf(lambda: NAMES)]


@dataclass(frozen=True)
class Part:
    name: Filled
    rate: Positive = 0.1
    width: int | None = None


@dataclass(frozen=True)
class Whole:
    parts: Annotated[tuple[Part, ...], Range(least=1)]
    epochs: Count = 3
    share: Annotated[float, Range(least=0, most=0.5)] = 0.25
    ratio: Annotated[float, Range(above=0, most=1)] = 0.5
    optimizer: Name = "adamw"
    rates: Mapping[Name, Positive] = field(default_factory=dict)
    even: Annotated[int, Rule("an even number", lambda value: value % 2 == 0)] = 0
    fast: bool = False
    other: Part | None = None
    notes: Any = None


GOOD: dict[str, Any] = {"parts": [{"name": "a", "rate": 1}, {"name": "b", "width": 2}]}


def test_a_dataclass_is_read_with_those_within_it() -> None:
    values = {"optimizer": "adam", "rates": {"adam": 1.0}, "other": {"name": "c"}, "notes": [1]}
    assert read_settings(Whole, GOOD | values, "file") == Whole(
        (Part("a", 1.0), Part("b", width=2)),
        optimizer="adamw",
        rates={"adamw": 1.0},
        other=Part("c"),
        notes=[1],
    )
    assert read_settings(Whole, GOOD | {"rates": None, "other": None}, "file").rates == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"parts": None}, "parts: [] is not a list of at least 1"),
        ({"parts": "a"}, "parts: 'a' is not a list"),
        ({"parts": ["a"]}, "parts: item 1: 'a' is not a mapping of fields to values"),
        ({"parts": [{}]}, "parts: item 1: name is missing"),
        ({"parts": [{"name": ""}]}, "part '': name: '' is not a text that is not empty"),
        ({"parts": [{"name": "a", "rate": 0}]}, "part 'a': rate: 0 is not a number above 0"),
        (
            {"parts": [{"name": "a", "rate": float("inf")}]},
            "part 'a': rate: inf is not a number above 0",
        ),
        (
            {"parts": [{"name": "a", "width": "x"}]},
            "part 'a': width: 'x' is not a whole number or null",
        ),
        ({"epochs": 0}, "epochs: 0 is not a whole number of at least 1"),
        ({"epochs": 1.0}, "epochs: 1.0 is not a whole number of at least 1"),
        ({"epochs": True}, "epochs: True is not a whole number of at least 1"),
        ({"epochs": None}, "epochs: None is not a whole number of at least 1"),
        (
            {"epoch": 3},
            "'epoch' is not one of parts, epochs, share, ratio, optimizer, rates, even, fast, "
            "other, notes. Did you mean 'epochs'?",
        ),
        ({"share": 0.6}, "share: 0.6 is not a number from 0 to 0.5"),
        ({"share": float("nan")}, "share: nan is not a number from 0 to 0.5"),
        ({"ratio": 0}, "ratio: 0 is not a number above 0 to 1"),
        (
            {"optimizer": "adamww"},
            "optimizer: 'adamww' is not one of adamw, radam. Did you mean 'adamw'?",
        ),
        ({"optimizer": ["adamw"]}, "optimizer: ['adamw'] is not one of adamw, radam"),
        ({"rates": []}, "rates: [] is not a mapping"),
        ({"rates": {"sgd": 1}}, "rates: 'sgd' is not one of adamw, radam"),
        ({"rates": {"adamw": "1"}}, "rates: adamw: '1' is not a number above 0"),
        ({"rates": {"adamw": 1, "adam": 1}}, "rates: 'adamw' is there twice"),
        ({"even": 1}, "even: 1 is not an even number"),
        ({"fast": 1}, "fast: 1 is not true or false"),
        ({"other": "c"}, "other: 'c' is not a mapping of fields to values"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError) as raised:
        read_settings(Whole, GOOD | values, "file", error=BundleError)
    assert str(raised.value).startswith(f"file: {message}")


def test_a_missing_field_and_no_mapping() -> None:
    with pytest.raises(InputError, match="file: parts is missing"):
        read_settings(Whole, {}, "file")
    with pytest.raises(InputError, match="file: 3 is not a mapping of fields to values"):
        read_settings(Whole, 3, "file")


def test_unknown_fields_pass_where_that_is_asked_for() -> None:
    values = {"parts": [{"name": "a", "colour": "red"}], "shape": "round"}
    assert read_settings(Whole, values, "file", extra=True).parts == (Part("a"),)


def test_keyword_only_arguments_are_options() -> None:
    class Made:
        def __init__(self, place: str, *, epochs: Count = 1) -> None: ...

    check_options(Made, {"epochs": 2}, "made", error=InputError)
    with pytest.raises(InputError, match="made: 'place' is not one of epochs"):
        check_options(Made, {"place": "x"}, "made", error=InputError)
    with pytest.raises(InputError, match="made: epochs: 0 is not a whole number of at least 1"):
        check_options(Made, {"epochs": 0}, "made", error=InputError)


def test_what_is_made_already_can_be_checked() -> None:
    check_settings(Whole((Part("a"),)))
    with pytest.raises(InputError, match=r"^share: 1 is not a number from 0 to 0\.5"):
        check_settings(Whole((Part("a"),), share=1))


def test_a_value_alone() -> None:
    assert read_value(tuple[Count, ...], [1, 2], "sizes") == (1, 2)
    with pytest.raises(InputError, match="sizes: 0 is not a whole number of at least 1"):
        read_value(tuple[Count, ...], [1, 0], "sizes")


def undocumented(module: ModuleType) -> list[str]:
    """Return the fields of a module's dataclasses that have no text under them."""
    lacking = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for line, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
                told = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                if isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line) and not told:
                    lacking.append(f"{node.name}.{ast.unparse(line.target)}")
    return lacking


@pytest.mark.parametrize("module", [service, telegram, spec], ids=lambda module: module.__name__)
def test_every_field_says_what_it_means(module: ModuleType) -> None:
    assert undocumented(module) == []


@pytest.mark.torch
@pytest.mark.parametrize("name", ["recipes.schema", "recipes.head_settings", "distill.recipe"])
def test_every_field_of_training_says_what_it_means(name: str) -> None:
    pytest.importorskip("yaml")
    module = __import__(f"posthue.training.{name}", fromlist=["*"])
    assert undocumented(module) == []
    assert any(hasattr(value, "__dataclass_fields__") and fields(value) for value in vars(module).values())


def test_a_field_without_a_meaning_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "class A:\n    x: int\n    'Meaning.'\n    y: int = 1\n    z: int\n    'Meaning.'\n"
    monkeypatch.setattr(inspect, "getsource", lambda _: source)
    assert undocumented(service) == ["A.y"]
