from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from photos import photo
from posthue.data.duplicates.picture_facts import picture_facts


def test_facts_are_kept_and_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(photo(1))
    seen: list[tuple[int, int]] = []
    sources = [path, photo(1), None, b"", tmp_path / "none.jpg"]
    for _ in range(2):
        found = picture_facts(sources, cache=tmp_path / "c", progress=lambda *n: seen.append(n))
        assert found[0] == found[1]
        assert found[2] is None
        assert [bool(fact and fact.error) for fact in found] == [False, False, False, True, True]
    assert seen == [(4, 4)] * 2
    before = found[0]
    path.write_bytes(photo(2, side=170))
    (after,) = picture_facts([path], cache=tmp_path / "c")
    assert after != before
    (tmp_path / "broken").mkdir()
    for name in (tmp_path / "c").iterdir():
        (tmp_path / "broken" / name.name).write_bytes(b"no database at all" * 100)
    assert picture_facts([path], cache=tmp_path / "broken") == [after]


def test_sixteen_bit_pictures_are_readable() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16).save(buffer, format="PNG")
    (fact,) = picture_facts([buffer.getvalue()])
    assert fact is not None
    assert fact.error is None
    assert fact.side == 64
