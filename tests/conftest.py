from __future__ import annotations

from pathlib import Path

import pytest

import posthue


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a few kilobytes whose answers can be foretold (bundle_factory.py)."""
    from bundle_factory import make_bundle

    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def sequence_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with a head that takes sequences."""
    from bundle_factory import make_bundle

    return make_bundle(tmp_path_factory.mktemp("bundles") / "sequence", sequence=True)


@pytest.fixture(scope="session")
def tiny_classifier(tiny_bundle: Path) -> posthue.PostClassifier:
    return posthue.load(tiny_bundle, threads=1)
