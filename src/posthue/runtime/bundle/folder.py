"""A bundle: the folder that holds a model ready to answer, checked when it is opened.

config.json, text.onnx with tokenizer.json, image.onnx, head.onnx, and MODEL_CARD.md for people.
Nothing in it is executed and nothing is unpickled. ONNX sessions are made when first needed (sessions.py).

>>> Bundle.open("no/such/folder")
Traceback (most recent call last):
posthue.errors.BundleError: there is no bundle at no/such/folder
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from posthue.errors import BundleError
from posthue.runtime.bundle.config import BundleConfig, parse_config

#: The model that ships with posthue.
DEFAULT_BUNDLE = Path(__file__).resolve().parents[2] / "bundles" / "default"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: its folder and its checked config."""

    path: Path
    config: BundleConfig

    @classmethod
    def open(cls, path: str | Path = "default") -> Bundle:
        """Open the bundle in the folder ``path``; the string ``default``: the shipped one.

        Raises BundleError when the folder, its config or a file that the config names is missing or wrong.
        """
        folder = _default_folder() if path == "default" else Path(path).expanduser()
        if not folder.is_dir():
            what = "is a file, and a bundle is a folder" if folder.exists() else None
            raise BundleError(f"{folder} {what}" if what else f"there is no bundle at {folder}")
        config = parse_config(_read_json(folder / "config.json"), folder / "config.json")
        for name in config.files:
            _check_file(folder, name)
        return cls(folder, config)

    def file(self, name: str) -> Path:
        """Return the path of one of the bundle's files."""
        return self.path / name

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each file that the model needs."""
        return {name: self.file(name).stat().st_size for name in self.config.files}


def _default_folder() -> Path:
    if not (DEFAULT_BUNDLE / "config.json").is_file():
        raise BundleError(
            f"the default model is not in this installation ({DEFAULT_BUNDLE}): make a bundle with "
            "`posthue train RECIPE --data DIR -o RUN` and name it with --model or posthue.load(path)"
        )
    return DEFAULT_BUNDLE


def _read_json(path: Path) -> object:
    if not path.is_file():
        raise BundleError(f"{path.parent} is not a bundle: it has no {path.name}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not valid JSON: {error}") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def _check_file(folder: Path, name: str) -> None:
    path = folder / name
    if not path.is_file():
        raise BundleError(f"the bundle {folder} is incomplete: {name} is missing")
    if path.stat().st_size == 0:
        raise BundleError(f"the bundle {folder} is damaged: {name} is empty")
