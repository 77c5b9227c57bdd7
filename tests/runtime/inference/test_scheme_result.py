from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthue import Modality
from posthue.posts import State
from posthue.runtime.inference.scheme_result import contributions, shares


@given(*[st.floats(0, 1) for _ in range(4)])
def test_contributions_sum_to_what_was_gained(both: float, text: float, image: float, prior: float) -> None:
    found = contributions({State.BOTH: both, State.TEXT: text, State.IMAGE: image}, prior)
    assert sum(found.values()) == pytest.approx(both - prior)
    assert sum(shares(found).values()) == pytest.approx(1)


def test_contributions_of_one_modality() -> None:
    assert contributions({State.IMAGE: 0.75}, 0.5) == {Modality.IMAGE: 0.25}
    assert shares({Modality.TEXT: -0.1}) == {Modality.TEXT: 1.0}
    assert shares({Modality.TEXT: 0.0}) == {Modality.TEXT: 1.0}
    assert shares({Modality.TEXT: 0.0, Modality.IMAGE: 0.0}) == {Modality.TEXT: 0.5, Modality.IMAGE: 0.5}
