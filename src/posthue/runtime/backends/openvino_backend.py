"""OpenVINO in the place of ONNX Runtime, for the encoders that ``posthue bundle optimize`` found faster.

It reads the same ONNX files. In bf16, where the processor has it, a convolution network takes about half the
time. Needs the ``openvino`` extra.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthue.errors import BundleError, MissingExtraError, first_line
from posthue.runtime.backends.backend import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # int8 is in the graph


class OpenVinoModel:
    """One ONNX file in OpenVINO: a backend.Model. Raises BundleError when OpenVINO cannot load it."""

    def __init__(self, path: Path, *, threads: int, precision: str) -> None:
        try:
            import openvino  # noqa: PLC0415
        except ImportError:
            raise MissingExtraError("openvino", "openvino") from None
        self.path = path
        self.providers: tuple[str, ...] = ("OpenVINO",)
        self._core: Any = openvino.Core()
        self._threads, self._precision = threads, _PRECISIONS[precision]
        self._lock = threading.Lock()
        self._requests = threading.local()  # one of each model for each thread
        self._narrow: Any = None
        self._wide: Any = self._compile(streams=1)
        self.inputs: Mapping[str, tuple[object, ...]] = {
            port.any_name: tuple(_size(length) for length in port.partial_shape) for port in self._wide.inputs
        }
        self.outputs: tuple[str, ...] = tuple(port.any_name for port in self._wide.outputs)

    def require(self, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        """Raise BundleError unless the model takes these inputs and gives these outputs."""
        require(self, inputs, outputs)

    def run(
        self, feeds: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str], *, alone: bool = True
    ) -> list[npt.NDArray[np.float32]]:
        """Return the named outputs for the named inputs: see backend.Model."""
        try:
            request = self._request("wide" if alone or self._threads == 1 else "narrow")
            request.infer(dict(feeds))
            return [request.get_tensor(name).data.copy() for name in outputs]
        except Exception as error:  # OpenVINO raises RuntimeError and others
            raise BundleError(f"{self.path} failed in OpenVINO: {first_line(error)}") from error

    def _request(self, name: str) -> Any:
        found = getattr(self._requests, name, None)
        if found is None:
            found = (self._wide if name == "wide" else self._beside_others()).create_infer_request()
            setattr(self._requests, name, found)
        return found

    def _beside_others(self) -> Any:
        with self._lock:
            if self._narrow is None:
                self._narrow = self._compile(streams=self._threads)
            return self._narrow

    def _compile(self, *, streams: int) -> Any:
        settings = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": streams,
            "INFERENCE_PRECISION_HINT": self._precision,
        }
        try:
            return self._core.compile_model(str(self.path), "CPU", settings)
        except Exception as error:
            raise BundleError(f"{self.path} cannot be loaded by OpenVINO: {first_line(error)}") from error


def _size(length: Any) -> object:
    return length.get_length() if length.is_static else None
