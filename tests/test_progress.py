from __future__ import annotations

import pytest

from posthue.progress import progress_bar


def test_a_bar_shows_count_speed_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr("posthue.progress.monotonic", lambda: next(ticks))
    with progress_bar("posts", shown=True) as advance:
        advance(0, 3000)
        advance(1000, 3000)
    shown = capsys.readouterr().err
    assert "posts" in shown
    assert "1000/3000" in shown
    assert "50 posts/s" in shown
    assert "0:00:40 left" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_bar_under_another_joins_it(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("runs", unit="runs", shown=True) as outer:
        with progress_bar("features", shown=True) as inner:
            inner(5, 10)
        outer(2, 2)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "features" not in shown  # gone when it was done


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("posts") as advance:
        advance(1, None)
    assert capsys.readouterr().err == ""


def test_what_was_done_before_is_not_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr("posthue.progress.monotonic", lambda: next(ticks))
    with progress_bar("posts", shown=True) as advance:
        advance(2000, 3000)
        advance(2100, 3000)
    shown = capsys.readouterr().err
    assert "2100/3000" in shown
    assert "5.0 posts/s" in shown
    assert "0:03:00 left" in shown
