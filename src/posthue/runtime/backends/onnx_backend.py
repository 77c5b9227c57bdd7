"""ONNX Runtime: the backend that is always there."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthue.errors import BundleError, first_line
from posthue.runtime.backends.backend import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class OnnxModel:
    """One ONNX file, ready to run. Raises BundleError when ONNX Runtime cannot load it.

    There are two sessions, each made when it is needed: one whose single run takes all threads, and one that
    is run by several threads at once. Runs beside one another wait for nobody at every operator, so many
    small batches go through faster that way.
    """

    def __init__(self, path: Path, *, threads: int, providers: Sequence[str]) -> None:
        self.path = path
        self._threads, self._asked = threads, tuple(providers)
        self._lock = threading.Lock()
        self._narrow: Any = None
        self._wide: Any = self._session(threads)
        self.inputs: Mapping[str, tuple[object, ...]] = {
            node.name: tuple(node.shape) for node in self._wide.get_inputs()
        }
        self.outputs: tuple[str, ...] = tuple(node.name for node in self._wide.get_outputs())
        self.providers: tuple[str, ...] = tuple(self._wide.get_providers())

    def _session(self, threads: int) -> Any:
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = (
            False  # shapes differ from batch to batch; a plan per shape would pile up
        )
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(str(self.path), options, providers=list(self._asked))
        except Exception as error:  # onnxruntime's errors have no public base class
            raise BundleError(f"{self.path} cannot be loaded: {first_line(error)}") from error

    def require(self, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        """Raise BundleError unless the model takes these inputs and gives these outputs."""
        require(self, inputs, outputs)

    def run(
        self, feeds: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str], *, alone: bool = True
    ) -> list[npt.NDArray[np.float32]]:
        """Return the named outputs for the named inputs: see Model."""
        session = self._wide if alone else self._beside_others()
        try:
            return list(session.run(list(outputs), dict(feeds)))
        except Exception as error:
            raise BundleError(f"{self.path} failed: {first_line(error)}") from error

    def _beside_others(self) -> Any:
        if self._threads == 1 or self.providers[0] != "CPUExecutionProvider":
            return self._wide
        with self._lock:
            if self._narrow is None:
                self._narrow = self._session(1)
            return self._narrow
