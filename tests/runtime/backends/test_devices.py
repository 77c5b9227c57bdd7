from __future__ import annotations

import pytest

from posthue import InputError
from posthue.runtime.backends.devices import available_cores, choose_providers, choose_threads


def test_threads_never_exceed_the_cores() -> None:
    cores = available_cores()
    assert choose_threads(None) == choose_threads(10_000) == cores
    assert choose_threads(1) == 1
    with pytest.raises(InputError, match="1 or more"):
        choose_threads(0)


def test_devices() -> None:
    assert choose_providers("cpu") == ["CPUExecutionProvider"]
    assert choose_providers("auto")[-1] == "CPUExecutionProvider"
    with pytest.raises(InputError, match="auto, cpu and cuda"):
        choose_providers("abacus")  # type: ignore[arg-type]
