"""ONNX Runtime sessions: how many threads, which processor, and errors that a person can read.

Threads never spin while they wait (the machine is shared with decoding and with others), and there are never
more of them than cores: more threads than cores makes inference many times slower.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from posthue.errors import BundleError, InputError
from posthue.runtime.bundle import Bundle

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_log = logging.getLogger(__name__)

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


class Model(Protocol):
    """A graph that is ready to run, in whatever runs it.

    inputs: their names and shapes. outputs: their names. providers: what runs it.
    """

    path: Path
    inputs: Mapping[str, tuple[object, ...]]
    outputs: tuple[str, ...]
    providers: tuple[str, ...]

    def require(self, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        """Raise BundleError unless the model takes these inputs and gives these outputs."""

    def run(
        self, feeds: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str], *, alone: bool = True
    ) -> list[npt.NDArray[np.float32]]:
        """Return the named outputs for the named inputs; safe to call from several threads.

        alone: whether this run may take all threads; otherwise others run beside it, and it takes one.
        """


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
            raise BundleError(f"{self.path} cannot be loaded: {_first_line(error)}") from error

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
            raise BundleError(f"{self.path} failed: {_first_line(error)}") from error

    def _beside_others(self) -> Any:
        if self._threads == 1 or self.providers[0] != "CPUExecutionProvider":
            return self._wide
        with self._lock:
            if self._narrow is None:
                self._narrow = self._session(1)
            return self._narrow


def require(model: Model, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Raise BundleError unless the model takes these inputs and gives these outputs."""
    lacking = [*(n for n in inputs if n not in model.inputs), *(n for n in outputs if n not in model.outputs)]
    if lacking:
        raise BundleError(
            f"{model.path} lacks {', '.join(lacking)}: it is not the model that the config says"
        )


class Sessions:
    """The sessions of one bundle, each made when it is first asked for.

    streams: batches that run beside one another, each on one thread; 1: one after another, on all threads.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None, device: Device = "auto") -> None:
        self.bundle = bundle
        self.threads = choose_threads(threads)
        self.streams = min(bundle.config.runtime.streams or self.threads, self.threads)
        self._device: Device = device
        self._lock = threading.Lock()
        self._models: dict[str, Model] = {}  # by file; several threads may ask at once
        if device != "auto":
            choose_providers(device)

    @cached_property
    def text(self) -> Model:
        """The text encoder."""
        part = self.bundle.config.text
        if part is None:
            raise BundleError("this bundle has no text model")
        model = self._load(part.file, ("input_ids", "attention_mask"), part.outputs, "text")
        return _advised(model, part.precision)

    @cached_property
    def image(self) -> Model:
        """The image encoder."""
        part = self.bundle.config.image
        if part is None:
            raise BundleError("this bundle has no image model")
        model = self._load(part.file, ("pixel_values",), part.outputs, "image")
        return _advised(model, part.precision)

    @cached_property
    def small_image(self) -> Model:
        """The encoder of pictures that are brought to the small size: one of its own, or the same."""
        part = self.bundle.config.image
        if part is None or part.small_file is None:
            return self.image
        return self._load(part.small_file, ("pixel_values",), part.outputs, "image")

    @cached_property
    def head(self) -> Model:
        """The fusion and the heads of the label schemes."""
        outputs = [f"logits_{name}" for name in self.bundle.config.schemes]
        return self._load(self.bundle.config.head, (), outputs)

    def _load(self, name: str, inputs: Sequence[str], outputs: Sequence[str], part: str = "") -> Model:
        with self._lock:
            if name not in self._models:
                self._models[name] = self._openvino(name, part) or self._onnx(name)
        self._models[name].require(inputs=inputs, outputs=outputs)
        return self._models[name]

    def _onnx(self, name: str) -> Model:
        providers = choose_providers(self._device)
        model = OnnxModel(self.bundle.file(name), threads=self.threads, providers=providers)
        if self._device == "cuda" and "CUDAExecutionProvider" not in model.providers:
            raise InputError("device cuda: onnxruntime found no usable GPU; use auto or cpu")
        return model

    def _openvino(self, name: str, part: str) -> Model | None:
        """The part in OpenVINO, if the bundle was tuned for it and it is installed."""
        tuned = self.bundle.config.runtime.parts.get(part)
        if tuned is None or tuned.backend != "openvino" or self._device == "cuda":
            return None
        if find_spec("openvino") is None:
            _log.info(
                "OpenVINO is not installed (pip install 'posthue[openvino]'): %s runs in ONNX Runtime", name
            )
            return None
        from posthue.runtime.openvino import OpenVinoModel  # noqa: PLC0415

        return OpenVinoModel(self.bundle.file(name), threads=self.threads, precision=tuned.precision)


def _advised(model: Model, precision: str) -> Model:
    """Return the model, and say it if a GPU would be quicker with another."""
    if precision == "int8" and "CUDAExecutionProvider" in model.providers:
        _log.warning(
            "%s is in int8, which runs on the processor: `posthue bundle fp16` makes a bundle for the GPU",
            model.path,
        )
    return model


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
