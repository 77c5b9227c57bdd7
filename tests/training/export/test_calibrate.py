from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from posthue.evaluation.calibration import fit_temperature
from posthue.posts import State
from posthue.training.export.calibrate import calibrate
from posthue.training.stages.inputs import LabelledLogits

pytestmark = pytest.mark.torch


def labelled(state: State, count: int, temperature: float, seed: int = 0) -> LabelledLogits:
    """Posts of one state, whose labels are drawn at a known temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 3)).astype(np.float32)
    labels = (logits / temperature + rng.gumbel(size=logits.shape)).argmax(1)
    return LabelledLogits(logits, labels, np.full(count, state, dtype=object))


def test_every_state_has_its_temperature_and_one_without_posts_the_least_confident() -> None:
    texts, images = labelled(State.TEXT, 900, 0.5), labelled(State.IMAGE, 900, 2.5)
    fitted = calibrate([{"mood": texts}, {"mood": images}], ("text", "image")).temperatures["mood"]
    assert fitted["text"] == pytest.approx(fit_temperature(texts.logits, texts.labels))
    assert fitted["image"] == pytest.approx(2.5, rel=0.2)
    assert fitted["both"] == fitted["image"]
    assert set(calibrate([{"mood": texts}], ("text",)).temperatures["mood"]) == {"text"}


def test_every_set_weighs_the_same_whatever_its_size() -> None:
    many, few = labelled(State.TEXT, 900, 0.5), labelled(State.TEXT, 90, 2.5, seed=1)
    together = calibrate([{"mood": many}, {"mood": few}], ("text",))
    tenfold = LabelledLogits(*(np.concatenate([part] * 10) for part in (few.logits, few.labels, few.states)))
    again = calibrate([{"mood": many}, {"mood": tenfold}], ("text",))
    assert together.temperatures["mood"]["text"] == pytest.approx(
        again.temperatures["mood"]["text"], rel=1e-3
    )
    shares = [np.bincount(part.labels, minlength=3) / len(part.labels) for part in (many, few)]
    np.testing.assert_allclose(together.priors["mood"], np.mean(shares, axis=0))


def test_a_scheme_that_no_post_has_is_left_as_it_is() -> None:
    none = labelled(State.TEXT, 0, 1.0)
    calibration = calibrate([{"mood": none}], ("text", "image"))
    assert calibration.temperatures["mood"] == {"both": 1.0, "text": 1.0, "image": 1.0}
    assert calibration.priors["mood"] == [1 / 3] * 3
