"""Cutting texts, choosing subsets, hiding regions: the parts of an explanation that need no model."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthue.runtime.explain.kernel_shap import shapley, subsets
from posthue.runtime.explain.patches import blurred, heat, hide, picture_masks, windows
from posthue.runtime.explain.words import MAX_PARTS, cut, keep


@given(st.text(max_size=400))
@settings(max_examples=80, deadline=None)
def test_parts_follow_each_other_and_keep_the_text(text: str) -> None:
    parts = cut(text)
    assert len(parts) <= MAX_PARTS
    assert "".join(text[a:b] for a, b in parts) == (text if parts else "")
    assert keep(text, parts, [True] * len(parts)) == text.strip() or not parts
    assert keep(text, parts, [False] * len(parts)) == ""


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("so happy😀😀", ["so ", "happy", "😀", "😀"]),
        ("👍🏽 ok", ["👍🏽 ", "ok"]),
        ("👩‍👧 x", ["👩‍👧 ", "x"]),
        ("今日は", ["今", "日", "は"]),
        ("יום טוב", ["יום ", "טוב"]),
        ("", []),
    ],
)
def test_parts_are_what_a_reader_sees(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in cut(text)] == parts


def test_a_long_text_is_cut_into_stretches() -> None:
    parts = cut("word " * 1000)
    assert len(parts) == MAX_PARTS
    assert max(b - a for a, b in parts) <= 2 * min(b - a for a, b in parts)


def exact(players: int, value: dict[frozenset[int], float]) -> list[float]:
    """Shapley values by their definition."""
    found = []
    for player in range(players):
        others = [p for p in range(players) if p != player]
        total = 0.0
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for group in combinations(others, size):
                total += weight * (value[frozenset((*group, player))] - value[frozenset(group)])
        found.append(total)
    return found


def game(players: int, seed: int) -> dict[frozenset[int], float]:
    rng = np.random.default_rng(seed)
    groups = (frozenset(g) for size in range(players + 1) for g in combinations(range(players), size))
    return {group: float(rng.normal()) for group in groups}


@pytest.mark.parametrize("players", [1, 2, 3, 5])
def test_few_players_have_exact_values(players: int) -> None:
    value = game(players, players)
    masks, weights = subsets(players, 64)
    asked = np.array([[value[frozenset(np.flatnonzero(mask).tolist())]] for mask in masks]).reshape(-1, 1)
    ends = [np.array([value[frozenset(range(n))]]) for n in (0, players)]
    found = shapley(masks, weights, asked, ends[0], ends[1])
    assert found[:, 0] == pytest.approx(exact(players, value), abs=1e-6)


def test_many_players_are_sampled_and_still_add_up() -> None:
    effects = np.linspace(-1, 1, 20)
    masks, weights = subsets(20, 128)
    assert len(masks) == len(weights) == 128
    assert not (masks.all(1) | ~masks.any(1)).any()
    values = (masks @ effects)[:, None]
    found = shapley(masks, weights, values, np.zeros(1), np.array([effects.sum()]))
    assert found[:, 0] == pytest.approx(effects, abs=1e-6)
    assert np.array_equal(masks, subsets(20, 128)[0])


def test_hiding_keeps_what_the_mask_keeps() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)
    behind = blurred(picture)
    masks = np.stack([np.ones(49, bool), np.zeros(49, bool), np.arange(49) < 7])
    whole, nothing, top = hide(picture, behind, masks)
    assert np.array_equal(whole, picture)
    assert np.array_equal(nothing, behind)
    assert np.array_equal(top[:6], picture[:6])
    assert np.array_equal(top[9:], behind[9:])


def test_the_heat_is_where_the_answer_comes_from() -> None:
    masks = picture_masks()
    assert masks.shape[1] == 49
    assert len(windows(7, 3)) == 25
    values = 0.3 * masks[:, 24] - 0.3 * masks[:, 0]
    found = heat(masks, values)
    assert np.unravel_index(found.argmax(), found.shape) == (3, 3)
    assert np.unravel_index(found.argmin(), found.shape) == (0, 0)
    assert not heat(masks, np.full(len(masks), 0.5)).any()
