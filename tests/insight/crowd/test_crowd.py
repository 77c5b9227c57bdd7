from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from page_checks import ATTACK, check_page

pytest.importorskip("matplotlib")

from posthue.errors import InputError, TableError
from posthue.evaluation.metrics import wilson
from posthue.insight.crowd import read_crowd, write_crowd
from posthue.insight.crowd.reading import Highlight, best
from posthue.insight.crowd.report import periods
from posthue.insight.crowd.times import choose_unit, period_of, time_of

HEAD = (
    "id,text,place,created_at,sentiment,sentiment_negative,sentiment_neutral,sentiment_positive,"
    "text_share,image_share,mixed,error"
)
MOON = datetime(1969, 7, 20, 20, 17, tzinfo=UTC)


def scored(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return path


def row(
    i: int,
    label: str,
    *,
    text: str = "hello",
    place: str = "Rome",
    time: str = "2024-05-16",
    mixed: str = "false",
) -> str:
    sure = {name: 0.9 if name == label else 0.05 for name in ("negative", "neutral", "positive")}
    cells = [str(i), text, place, time, label, *(str(p) for p in sure.values()), "0.6", "0.4", mixed, ""]
    return ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells)


FAILED = "9,,,,,,,,,,,the post has neither text nor image"


@pytest.mark.parametrize(
    "value",
    [
        MOON,
        MOON.replace(tzinfo=None),
        "1969-07-20T20:17:00Z",
        "1969-07-20 22:17+02:00",
        "Sun Jul 20 20:17:00 +0000 1969",
        "Sun, 20 Jul 1969 20:17:00 +0000",
        "1969-07-20 20:17:00 UTC",
        "1969-07-20T20:17 GMT",
        "19690720201700",
        19690720201700,
    ],
)
def test_times_are_understood(value: object) -> None:
    assert time_of(value) == MOON


def test_other_times() -> None:
    assert time_of(date(2024, 5, 16)) == time_of("2024-05-16") == datetime(2024, 5, 16, tzinfo=UTC)
    assert time_of("1715817600") == time_of(1715817600000) == datetime(2024, 5, 16, tzinfo=UTC)
    assert time_of("20240516") == time_of(20240516) == datetime(2024, 5, 16, tzinfo=UTC)
    assert [time_of(value) for value in ("²³²³²³", "²" * 14, "²³" * 5, "99999999", "UTC")] == [None] * 5
    assert [time_of(value) for value in (None, "", "yesterday", 1e300, "99999999999999999999")] == [None] * 5


def test_the_unit_fits_the_span() -> None:
    day = datetime(2024, 1, 31, 13, 5, tzinfo=UTC)
    spans = {"hour": 1, "day": 30, "week": 200, "month": 900, "year": 9000}
    for unit, days in spans.items():
        assert choose_unit([day, datetime.fromtimestamp(day.timestamp() + 86400 * days, UTC)]) == unit
    assert choose_unit([]) == "hour"
    assert period_of(day, "month").isoformat() == "2024-01-01T00:00:00+00:00"
    assert period_of(day, "year").month == 1
    assert period_of(day, "hour").hour == 13


def test_a_crowd_is_counted(tmp_path: Path) -> None:
    rows = [
        row(1, "positive"),
        row(2, "negative", place="Oslo", time="2024-05-20"),
        row(3, "negative", mixed="true", time="never"),
        FAILED,
    ]
    crowd = read_crowd(scored(tmp_path / "s.csv", rows), by="place")
    tally = crowd.tallies["sentiment"]
    assert (crowd.rows, crowd.failed, crowd.mixed_posts, crowd.without_time) == (4, 1, 1, 1)
    assert tally.counts == {"negative": 2, "positive": 1}
    assert tally.groups == {"Rome": {"positive": 1, "negative": 1}, "Oslo": {"negative": 1}}
    assert [counts.total() for counts in periods(tally)[1].values()] == [1, 1]


def test_the_page_shows_shares_with_intervals(tmp_path: Path) -> None:
    rows = [
        row(i, "positive" if i % 4 else "negative", time=f"2024-05-{1 + i % 28:02}", text=f"post {i}")
        for i in range(60)
    ]
    rows.append(row(99, "positive", mixed="true", text="two minds"))
    crowd = read_crowd(scored(tmp_path / "s.csv", rows), by="place")
    folder = write_crowd(crowd, tmp_path / "crowd.html")
    page = check_page((tmp_path / "crowd.html").read_text(encoding="utf-8"))
    for part in ("Share of posts", "Shares by day", "By place", "two minds", "most negative", "Mixed posts"):
        assert part in page.text
    with (folder / "sentiment-shares.csv").open(encoding="utf-8") as file:
        found = {line["label"]: line for line in csv.DictReader(file)}
    expected = wilson(15, 61)
    assert float(found["negative"]["share"]) == pytest.approx(expected.value, abs=1e-5)
    assert float(found["negative"]["low"]) == pytest.approx(expected.low, abs=1e-5)
    assert (folder / "sentiment-time.png").exists()
    assert (folder / "sentiment-by.csv").exists()


def test_mentions_and_links_are_not_shown(tmp_path: Path) -> None:
    rows = [row(1, "positive", text=".@realbob what a game (https://t.co/abc123)", mixed="true")]
    write_crowd(read_crowd(scored(tmp_path / "s.csv", rows)), tmp_path / "crowd.html")
    page = (tmp_path / "crowd.html").read_text(encoding="utf-8")
    assert ".@user what a game (http)" in page
    assert "realbob" not in page
    assert "abc123" not in page


def test_nothing_hostile_becomes_markup(tmp_path: Path) -> None:
    rows = [row(i, "positive", text=f"{ATTACK} {i}", place=ATTACK, mixed="true") for i in range(3)]
    crowd = read_crowd(scored(tmp_path / "s.csv", rows), by="place")
    write_crowd(crowd, tmp_path / "crowd.html", title=ATTACK)
    page = check_page((tmp_path / "crowd.html").read_text(encoding="utf-8"))
    assert "alert(1)" in page.text


@pytest.mark.parametrize("rows", [[], [FAILED]])
def test_a_crowd_of_nobody(tmp_path: Path, rows: list[str]) -> None:
    crowd = read_crowd(scored(tmp_path / "s.csv", rows))
    write_crowd(crowd, tmp_path / "crowd.html")
    page = check_page((tmp_path / "crowd.html").read_text(encoding="utf-8"))
    assert "There are no predicted posts." in page.text


def test_a_wrong_table_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("text\nhello\n")
    with pytest.raises(InputError, match="posthue score"):
        read_crowd(tmp_path / "raw.csv")
    with pytest.raises(TableError, match=r"no column 'town' \(--by\)"):
        read_crowd(scored(tmp_path / "s.csv", [row(1, "neutral")]), by="town")


def test_a_text_is_shown_once() -> None:
    posts = [
        Highlight(0.9, -2, "Same  text", None, None, ""),
        Highlight(0.9, -1, "same text", None, None, ""),
    ]
    posts.append(Highlight(0.5, -3, "", None, None, ""))
    assert [(post.number, post.text) for post in best(posts, 5)] == [(-1, "same text"), (-3, "")]
