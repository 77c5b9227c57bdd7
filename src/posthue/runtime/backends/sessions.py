"""The graphs of a bundle: each is opened when first needed, in the backend that was measured to be faster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

from posthue.errors import BundleError, InputError
from posthue.runtime.backends.backend import Model
from posthue.runtime.backends.devices import Device, choose_providers, choose_threads
from posthue.runtime.backends.onnx_backend import OnnxModel
from posthue.runtime.backends.openvino_backend import OpenVinoModel
from posthue.runtime.bundle.folder import Bundle

if TYPE_CHECKING:
    pass

_log = logging.getLogger(__name__)


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
        config = self.bundle.config
        return self._load(config.head, (), tuple(config.logits.values()))

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
        return OpenVinoModel(self.bundle.file(name), threads=self.threads, precision=tuned.precision)


def _advised(model: Model, precision: str) -> Model:
    """Return the model, and say it if a GPU would be quicker with another."""
    if precision == "int8" and "CUDAExecutionProvider" in model.providers:
        _log.warning(
            "%s is in int8, which runs on the processor: `posthue bundle fp16` makes a bundle for the GPU",
            model.path,
        )
    return model
