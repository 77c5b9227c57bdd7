"""Shapley values from few questions: KernelSHAP (Lundberg and Lee 2017, arXiv 1705.07874).

Few players: every subset is asked, and the values are exact. More: the subsets of one player and of all but
one, then random subsets with their complements (Covert and Lee 2021, arXiv 2012.01536), weighted as a whole
like the sizes that they stand for.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def subsets(players: int, budget: int, *, seed: int = 0) -> tuple[Masks, Floats]:
    """Return subsets [n, players], without the empty and the full one, and their weights [n].

    n is at most ``budget``, but never less than 2 · players (as far as there are so many subsets).
    """
    if players < 2:
        return np.zeros((0, players), dtype=np.bool_), np.zeros(0)
    if 2**players - 2 <= budget:
        numbers = np.arange(1, 2**players - 1)[:, None]
        masks: Masks = (numbers >> np.arange(players)) & 1 == 1
        sizes = masks.sum(1)
        return masks, np.array([_mass(players, k) / comb(players, k) for k in sizes])
    one = np.eye(players, dtype=np.bool_)
    extra = _random(players, budget - 2 * players, np.random.default_rng(seed))
    rest = sum(_mass(players, k) for k in range(2, players - 1))
    weights = [np.full(2 * players, _mass(players, 1) / players)]
    weights.append(np.full(len(extra), rest / max(len(extra), 1)))
    return np.concatenate([one, ~one, extra]), np.concatenate(weights)


def shapley(masks: Masks, weights: Floats, values: Floats, nothing: Floats, everything: Floats) -> Floats:
    """Return what each player adds, [players, labels]; the sum over players is ``everything - nothing``.

    values: [n, labels] of the subsets; nothing, everything: [labels] of the empty and the full subset.
    """
    players = masks.shape[1]
    if players == 1:
        return np.array([everything - nothing])
    design = masks.astype(np.float64)
    gram = design.T @ (design * weights[:, None]) + 1e-9 * np.eye(players)
    target = design.T @ ((values - nothing) * weights[:, None])
    free = np.linalg.solve(gram, target)
    along = np.linalg.solve(gram, np.ones(players))
    missing = (everything - nothing) - free.sum(0)
    found: Floats = free + along[:, None] * (missing / along.sum())[None, :]
    return found


def _mass(players: int, size: int) -> float:
    """The Shapley kernel, summed over all subsets of a size."""
    return (players - 1) / (size * (players - size))


def _random(players: int, budget: int, rng: np.random.Generator) -> Masks:
    """Return random subsets and their complements, sizes drawn by their mass."""
    sizes = np.arange(2, players - 1)
    if budget < 2 or not len(sizes):
        return np.zeros((0, players), dtype=np.bool_)
    mass = np.array([_mass(players, int(k)) for k in sizes])
    drawn = rng.choice(sizes, size=budget // 2, p=mass / mass.sum())
    ranks = rng.random((len(drawn), players)).argsort(axis=1).argsort(axis=1)
    half: Masks = ranks < drawn[:, None]
    return np.concatenate([half, ~half])
