from __future__ import annotations

import numpy as np

from posthue.data.duplicates.images import near_known


def test_near_known_pictures_agree_with_comparing_all() -> None:
    rng = np.random.default_rng(0)
    known = [int(v) for v in rng.integers(0, 2**63, 40)]
    hashes = [
        known[i % 40] ^ sum(1 << int(b) for b in rng.choice(64, i % 9, replace=False)) for i in range(80)
    ]
    for distance in (0, 2, 6):
        found = near_known([*hashes, None], [None, *known], max_distance=distance)
        near = [any((h ^ k).bit_count() <= distance for k in known) for h in hashes]
        assert [place >= 0 for place in found] == [*near, False]
        for value, place in zip(hashes, found, strict=False):
            assert place < 0 or (value ^ known[place - 1]).bit_count() <= distance
