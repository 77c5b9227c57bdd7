"""On what a graph runs: how many threads, which processor.

Threads never spin while they wait (the machine is shared with decoding and with others), and there are never
more of them than cores: more threads than cores makes inference many times slower.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from posthue.errors import InputError

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
