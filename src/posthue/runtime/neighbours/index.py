"""A feature index: what the encoders say of many posts, to find those that are most like a new one.

A folder with ``text.npy`` and ``image.npy`` (float16 [n, dim], unit length, zeros where absent; never
pickled), ``posts.parquet`` (id, text, path of the picture, labels as JSON) and ``index.json``. It holds the
texts of the posts: keep it where the posts may be kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posthue.atomic import atomic_folder, reason
from posthue.errors import InputError
from posthue.files import for_arrow
from posthue.posts import Modality, Post

if TYPE_CHECKING:
    from posthue.runtime.bundle.folder import Bundle
    from posthue.runtime.classifier import PostClassifier
    from posthue.runtime.explain import Explanation
    from posthue.runtime.inference.cache import EncodedModality

FORMAT = 1
Labels = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A post of an index. similarity: mean cosine over the modalities that both posts have, -1 to 1."""

    id: str | None
    text: str | None
    image: str | None
    labels: Labels
    similarity: float


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What an index keeps of a post beside its features."""

    id: str | None
    text: str | None
    image: str | None
    labels: Labels


class NeighbourIndex:
    """An opened index. vectors: float16 [n, dim] by modality, read from disk when they are needed."""

    def __init__(self, rows: Sequence[IndexRow], vectors: Mapping[Modality, npt.NDArray[np.float16]]) -> None:
        self._rows, self._vectors = rows, vectors

    def __len__(self) -> int:
        return len(self._rows)

    @classmethod
    def open(cls, folder: str | Path, bundle: Bundle) -> NeighbourIndex:
        """Open an index; raise InputError where there is none, or another model made it."""
        place = Path(folder)
        try:
            facts = json.loads((place / "index.json").read_text(encoding="utf-8"))
            vectors = {
                modality: np.load(place / f"{modality}.npy", mmap_mode="r", allow_pickle=False)
                for modality in Modality
                if (place / f"{modality}.npy").exists()
            }
            rows = _read_rows(place / "posts.parquet")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{place} is not an index of posthue index ({error})") from None
        if facts != facts_of(bundle):
            raise InputError(f"{place} was made with another model: make it again with posthue index")
        if any(values.ndim != 2 or len(values) != len(rows) for values in vectors.values()):
            raise InputError(f"{place} is damaged: make it again with posthue index")
        return cls(rows, vectors)

    def nearest(
        self, encoded: Mapping[Modality, EncodedModality], *, most: int = 5, but: Post | None = None
    ) -> list[Neighbour]:
        """Return the posts that are most like an encoded one, best first; ``but`` itself is left out."""
        total, shared = np.zeros(len(self._rows)), np.zeros(len(self._rows))
        for modality, found in encoded.items():
            if modality in self._vectors:
                vectors = self._vectors[modality].astype(np.float32)
                total += vectors @ _unit(found.pooled[None])[0]
                shared += vectors.any(axis=1)
        similarity = np.where(shared == len(encoded), total / np.maximum(shared, 1), -np.inf)
        order = [i for i in np.argsort(-similarity, kind="stable") if np.isfinite(similarity[i])]
        chosen = [i for i in order[: most + 20] if not _same(self._rows[i], but)][:most]
        return [self._neighbour(i, float(similarity[i])) for i in chosen]

    def _neighbour(self, row: int, similarity: float) -> Neighbour:
        kept = self._rows[row]
        return Neighbour(kept.id, kept.text, kept.image, kept.labels, similarity)


def nearest_posts(
    classifier: PostClassifier, explanation: Explanation, folder: str | Path, *, most: int = 5
) -> list[Neighbour]:
    """Return the posts of the index in ``folder`` that are most like an explained post, without itself."""
    index = NeighbourIndex.open(folder, classifier.engine.bundle)
    encoded = classifier.engine.encoder.encode_post(explanation.post, explanation.result.by_modality)
    return index.nearest(encoded, most=most, but=explanation.post)


def write_index(
    folder: str | Path,
    bundle: Bundle,
    rows: Sequence[IndexRow],
    encoded: Mapping[Modality, Sequence[EncodedModality | None]],
) -> Path:
    """Write an index of ``rows`` and their encoded modalities; the folder appears complete or not at all."""
    place = Path(folder)
    if place.exists() and not (place / "index.json").is_file():
        raise InputError(f"{place} is there already and is not an index: give another folder")
    try:
        with atomic_folder(place) as part:
            for modality, found in encoded.items():
                np.save(part / f"{modality}.npy", _matrix(found), allow_pickle=False)
            _write_rows(part / "posts.parquet", rows)
            (part / "index.json").write_text(json.dumps(facts_of(bundle)), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{place}: cannot be written ({reason(error)})") from None
    return place


def facts_of(bundle: Bundle) -> dict[str, object]:
    """Return what an index and a model must agree on."""
    config = bundle.config
    parts = {"text": config.text, "image": config.image}
    dims = {name: part.dim for name, part in parts.items() if part is not None}
    return {"format": FORMAT, "bundle": config.name, "created": config.created, "dims": dims}


def _matrix(found: Sequence[EncodedModality | None]) -> npt.NDArray[np.float16]:
    dim = next((len(encoded.pooled) for encoded in found if encoded is not None), 1)
    values = np.zeros((len(found), dim), dtype=np.float32)
    for row, encoded in enumerate(found):
        if encoded is not None:
            values[row] = encoded.pooled
    return _unit(values).astype(np.float16)


def _unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    return found


def _same(row: IndexRow, post: Post | None) -> bool:
    if post is None or (post.image is not None and not isinstance(post.image, str | Path)):
        return False
    image = None if post.image is None else str(Path(post.image).resolve())
    return (row.text, row.image) == (post.text, image)


def _write_rows(path: Path, rows: Sequence[IndexRow]) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    labels = [json.dumps({name: list(found) for name, found in row.labels.items()}) for row in rows]
    columns = {name: [getattr(row, name) for row in rows] for name in ("id", "text", "image")}
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "image", "labels")])
    pq.write_table(pa.table(columns | {"labels": labels}, schema=schema), for_arrow(path))


def _read_rows(path: Path) -> list[IndexRow]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    return [
        IndexRow(row["id"], row["text"], row["image"], json.loads(row["labels"]))
        for row in pq.read_table(for_arrow(path)).to_pylist()
    ]
