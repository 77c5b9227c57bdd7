"""The pure parts of compare_speed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from posthue import Post

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("compare_speed")


def test_a_crowd_repeats_thirty_percent(compare: ModuleType) -> None:
    posts = [Post(text=str(number)) for number in range(200)]
    found = compare.crowd(posts, 0)
    assert len(found) == 200
    assert len({post.text for post in found}) == 140


def test_posts_of_one_kind(compare: ModuleType) -> None:
    post = Post(text="a", image="b.jpg")
    assert compare.only([post], "text") == [Post(text="a")]
    assert compare.only([post], "image") == [Post(image="b.jpg")]
    assert compare.only([post], "both") == [post]


def test_made_labels_follow_the_words(compare: ModuleType) -> None:
    assert [compare.rule(text) for text in ("i hate rain", "the rain", "happy good sad")] == [0, 1, 2]


def test_results_become_a_plot_and_markdown(
    compare: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    runs = {"posthue": lambda some: None, "slow": lambda some: sum(range(20_000))}
    measuring = import_module("_measuring")
    dealt = measuring.rounds_of([Post(text=str(n)) for n in range(8)], 2)
    rows = compare.table("small", "text", runs, dealt, 0.995)
    measuring.write_markdown(tmp_path / "a.md", rows, title="Speed")
    compare.plot(tmp_path / "a.png", rows)
    assert [row["contestant"] for row in rows] == ["posthue", "slow"]
    assert float(rows[1]["posthue_is_faster"]) > 1
    assert "| small | text | slow | 8 | 2 |" in (tmp_path / "a.md").read_text()
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert "small" in capsys.readouterr().out
