from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the environment says."""
    for name in ("POSTHUE_DATA", "POSTHUE_MODELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a made corpus and tiny encoders (research_corpus.py)."""
    from research_corpus import write_research

    return write_research(tmp_path_factory.mktemp("research"))
