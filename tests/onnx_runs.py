"""ONNX graphs run in tests so that every processor computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime


def session(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    """Return a session whose int8 products do not saturate, as they do by default with AVX2 alone."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(model: onnx.ModelProto | Path, feeds: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the first output."""
    output: Any = session(model).run(None, dict(feeds))[0]
    return np.asarray(output)
