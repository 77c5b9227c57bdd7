from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import posthue


def test_every_public_name_is_there_and_sorted() -> None:
    assert posthue.__all__ == sorted(posthue.__all__)
    assert dir(posthue) == posthue.__all__
    for name in posthue.__all__:
        assert getattr(posthue, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = posthue.nonsense  # type: ignore[attr-defined]


def test_import_loads_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "onnxruntime", "numpy", "pyarrow", "PIL", "rich", "typer", "tokenizers")
    run_python(f"import sys, posthue; assert not set({heavy!r}) & set(sys.modules), sys.modules.keys()")


def test_load_and_predict_need_no_torch(tiny_bundle: Path) -> None:
    run_python(
        f"""
import sys, posthue
import numpy as np
post = posthue.Post("happy day", np.zeros((40, 40, 3), np.uint8))
assert posthue.load({str(tiny_bundle)!r}).predict(post).ok
heavy = {{"torch", "transformers", "pyarrow", "rich", "typer", "onnx"}} & set(sys.modules)
assert not heavy, heavy
"""
    )


def test_a_text_alone_needs_no_pillow_model(tiny_bundle: Path) -> None:
    run_python(
        f"""
import sys, posthue
classifier = posthue.load({str(tiny_bundle)!r})
assert classifier.predict("happy day").ok
assert "image" not in vars(classifier.engine.sessions)
"""
    )


def run_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_runtime_reports_to_nobody():
    code = "import os, posthue; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "1"


def test_none_is_the_shipped_model() -> None:
    assert posthue.load(None, threads=1).info.name == posthue.load("default", threads=1).info.name
