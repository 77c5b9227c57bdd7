"""ONNX Runtime sessions: how many threads, which processor, and errors that a person can read.

Threads never spin while they wait (the machine is shared with decoding and with others), and there are never
more of them than cores: more threads than cores makes inference many times slower.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from posthue.errors import BundleError, InputError
from posthue.runtime.bundle import Bundle

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Device = Literal["auto", "cpu", "cuda"]
_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Return the number of cores that this process may use: affinity, and the quota of a container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, _container_quota() or affinity))


def _container_quota() -> int | None:
    try:
        quota, period = _CGROUP_LIMIT.read_text(encoding="ascii").split()
        return round(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None


def choose_threads(given: int | None) -> int:
    """Return the threads to use: what is given, never more than there are cores; raise InputError below 1."""
    if given is not None and given < 1:
        raise InputError(f"threads must be 1 or more, not {given}")
    cores = available_cores()
    return cores if given is None else min(given, cores)


def choose_providers(device: Device) -> list[str]:
    """Return ONNX Runtime's execution providers for ``device``; raise InputError where there are none."""
    import onnxruntime  # noqa: PLC0415

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device {device!r} is not known; there are auto, cpu and cuda")
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise InputError("device cuda: this onnxruntime has no CUDA; pip install onnxruntime-gpu, or use cpu")
    gpu = ["CUDAExecutionProvider"] if has_cuda and device != "cpu" else []
    return [*gpu, "CPUExecutionProvider"]


class OnnxModel:
    """One ONNX file, ready to run. Raises BundleError when ONNX Runtime cannot load it."""

    def __init__(self, path: Path, *, threads: int, providers: Sequence[str]) -> None:
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
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
        except Exception as error:  # onnxruntime's errors have no public base class
            raise BundleError(f"{path} cannot be loaded: {_first_line(error)}") from error
        self.path = path
        self.inputs: Mapping[str, tuple[object, ...]] = {
            node.name: tuple(node.shape) for node in self._session.get_inputs()
        }
        self.outputs: tuple[str, ...] = tuple(node.name for node in self._session.get_outputs())
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())

    def require(self, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        """Raise BundleError unless the model takes these inputs and gives these outputs."""
        lacking = [
            *(n for n in inputs if n not in self.inputs),
            *(n for n in outputs if n not in self.outputs),
        ]
        if lacking:
            raise BundleError(
                f"{self.path} lacks {', '.join(lacking)}: it is not the model that the config says"
            )

    def run(
        self, feeds: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str]
    ) -> list[npt.NDArray[np.float32]]:
        """Return the named outputs for the named inputs; safe to call from several threads."""
        try:
            return list(self._session.run(list(outputs), dict(feeds)))
        except Exception as error:
            raise BundleError(f"{self.path} failed: {_first_line(error)}") from error


class Sessions:
    """The sessions of one bundle, each made when it is first asked for."""

    def __init__(self, bundle: Bundle, *, threads: int | None = None, device: Device = "auto") -> None:
        self.bundle = bundle
        self.threads = choose_threads(threads)
        self._device: Device = device
        if device != "auto":
            choose_providers(device)

    @cached_property
    def text(self) -> OnnxModel:
        """The text encoder."""
        part = self.bundle.config.text
        if part is None:
            raise BundleError("this bundle has no text model")
        return self._load(part.file, ("input_ids", "attention_mask"), part.outputs)

    @cached_property
    def image(self) -> OnnxModel:
        """The image encoder."""
        part = self.bundle.config.image
        if part is None:
            raise BundleError("this bundle has no image model")
        return self._load(part.file, ("pixel_values",), part.outputs)

    @cached_property
    def small_image(self) -> OnnxModel:
        """The encoder of pictures that are brought to the small size: one of its own, or the same."""
        part = self.bundle.config.image
        if part is None or part.small_file is None:
            return self.image
        return self._load(part.small_file, ("pixel_values",), part.outputs)

    @cached_property
    def head(self) -> OnnxModel:
        """The fusion and the heads of the label schemes."""
        outputs = [f"logits_{name}" for name in self.bundle.config.schemes]
        return self._load(self.bundle.config.head, (), outputs)

    def _load(self, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> OnnxModel:
        providers = choose_providers(self._device)
        model = OnnxModel(self.bundle.file(name), threads=self.threads, providers=providers)
        if self._device == "cuda" and "CUDAExecutionProvider" not in model.providers:
            raise InputError("device cuda: onnxruntime found no usable GPU; use auto or cpu")
        model.require(inputs=inputs, outputs=outputs)
        return model


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
