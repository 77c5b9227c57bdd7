"""What every backend gives: a graph that is ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from posthue.errors import BundleError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


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


def require(model: Model, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Raise BundleError unless the model takes these inputs and gives these outputs."""
    lacking = [*(n for n in inputs if n not in model.inputs), *(n for n in outputs if n not in model.outputs)]
    if lacking:
        raise BundleError(
            f"{model.path} lacks {', '.join(lacking)}: it is not the model that the config says"
        )
