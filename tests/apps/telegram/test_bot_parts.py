from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import string
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import posthue
from posthue.errors import InputError
from posthue.posts import Post

pytest.importorskip("aiogram")

from aiogram import Bot
from bot_process import document, message, photo, picture, pressed

from posthue.apps.telegram.albums import Albums
from posthue.apps.telegram.calls import Calls
from posthue.apps.telegram.feedback import FeedbackFile, Verdict, button_data, read_button
from posthue.apps.telegram.incoming import Kind, album_of, read_message, read_update, update_id_of
from posthue.apps.telegram.intake import Intake
from posthue.apps.telegram.journal import Journal
from posthue.apps.telegram.picture import _heated, draw_album, draw_post
from posthue.apps.telegram.polling import whole
from posthue.apps.telegram.replies import fitting, post_text
from posthue.apps.telegram.scrubbing import Scrubber, guard
from posthue.apps.telegram.settings import BotSettings, default_journal, read_secret, read_token
from posthue.apps.telegram.texts import ENGLISH, LANGUAGES, RUSSIAN_LABELS
from posthue.apps.telegram.verdicts import Verdicts
from posthue.labels import SCHEMES

TOKEN = "123456:AAsecret-half_of-the-token"


def test_languages_say_the_same_things() -> None:
    for phrases in LANGUAGES.values():
        assert phrases.keys() == ENGLISH.keys()
        for key, phrase in phrases.items():
            assert _places(phrase) == _places(ENGLISH[key]), key
    assert {label for scheme in SCHEMES.values() for label in scheme.labels} == RUSSIAN_LABELS.keys()


def _places(phrase: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase)} - {None}


def test_journal_survives_a_torn_line_and_keeps_the_last(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ids"
    with Journal(path, kept=4) as journal:
        journal.add(range(3))
        journal.add([3, 3, 3])
        with pytest.raises(InputError, match="in use"):
            Journal(path)
    with path.open("ab") as file:
        file.write(b"77")  # cut off before its end: it may have been 7712
    with Journal(path, kept=4) as journal:
        assert 3 in journal and 77 not in journal
        journal.add(range(4, 10))
        journal.sync()
        assert 9 in journal and 0 not in journal
    assert path.read_text().split() == ["6", "7", "8", "9"]


def test_a_journal_that_cannot_be_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="journal"):
        Journal(tmp_path / "file" / "ids")


def test_nothing_is_answered_twice_and_failures_are_done_with(tmp_path: Path) -> None:
    answered: list[list[int]] = []

    async def answer(updates: Any) -> None:
        answered.append([update.update_id for update in updates])
        await asyncio.sleep(0.01)
        if updates[0].update_id == 2:
            raise RuntimeError

    async def work() -> None:
        with Journal(tmp_path / "ids") as journal:
            intake = Intake(journal, answer, album_seconds=0.1)
            album = [{"update_id": n} | message(n, media_group_id="a", **photo("x")) for n in (4, 5, 6)]
            raws = [{"update_id": n} | message(n, text="x") for n in (1, 2, 1, 2)]
            raws += [*album, *album, {"update_id": 3, "message": []}, {"no": "id"}, None]
            for raw in raws:
                await intake.accept(raw)
            assert intake.in_work == 5
            assert await intake.finish(20) == 0
            for raw in raws:
                assert await intake.accept(raw) is None

    asyncio.run(work())
    assert sorted(answered) == [[1], [2], [4, 5, 6]]
    assert sorted((tmp_path / "ids").read_text().split()) == list("123456")


def test_albums_are_whole() -> None:
    async def gather() -> list[int]:
        albums: Albums[int] = Albums(quiet=0.2)
        assert albums.add("a", 1)
        gathering = asyncio.create_task(albums.gather("a"))
        for part in (2, 3):
            await asyncio.sleep(0.02)
            assert not albums.add("a", part)
        return await gathering

    assert asyncio.run(gather()) == [1, 2, 3]


def test_a_full_batch_does_not_cut_an_album() -> None:
    lone = [{"update_id": n} | message(n, text="x") for n in range(96)]
    album = [{"update_id": n} | message(n, media_group_id="a", **photo("x")) for n in range(96, 100)]
    assert whole(lone + album) == lone
    assert whole(lone[1:] + album) == lone[1:] + album
    assert album_of({"message": {"media_group_id": ["a"]}}) is None


@pytest.mark.parametrize("raw", [None, 3, [], {}, {"update_id": "7"}, {"update_id": True}, {"update_id": -1}])
def test_no_update(raw: object) -> None:
    assert update_id_of(raw) is None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"text": "/start"}, Kind.START),
        ({"text": "/HELP@hue_bot me"}, Kind.HELP),
        ({"text": "/startle"}, Kind.POST),
        ({"text": "so sad"}, Kind.POST),
        ({"text": "\u2003\n"}, Kind.BLANK),
        (photo("x"), Kind.POST),
        (document("x"), Kind.POST),
        (document("x", mime="application/pdf"), Kind.UNSUPPORTED),
        (document("x", size=2**24), Kind.TOO_LARGE),
        ({"dice": {"emoji": "🎲", "value": 3}}, Kind.UNSUPPORTED),
        ({}, Kind.UNSUPPORTED),
        ({"group_chat_created": True}, None),
    ],
)
def test_what_a_message_asks_for(content: dict[str, Any], kind: Kind | None) -> None:
    update = read_update({"update_id": 1} | message(3, language="ru-RU", **content))
    assert update.message is not None
    ask = read_message(update.message, max_image=2**20)
    assert (ask.kind if ask else None) == kind
    assert ask is None or ask.language == "ru"


def test_in_groups_only_commands_are_answered() -> None:
    for text, asked in (("hello", False), ("/privacy", True)):
        raw = message(3, text=text)
        raw["message"]["chat"] = {"id": -5, "type": "supergroup", "title": "us"}
        update = read_update({"update_id": 1} | raw)
        assert update.message is not None
        assert (read_message(update.message, max_image=1) is not None) == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [("/help@SomeOtherBot", False), ("/help@Hue_Bot", True), ("/HELP@hue_bot\nme", True), ("/help", True)],
)
def test_in_groups_commands_to_other_bots_are_theirs(text: str, asked: bool) -> None:
    raw = message(3, text=text)
    raw["message"]["chat"] = {"id": -5, "type": "supergroup", "title": "us"}
    update = read_update({"update_id": 1} | raw)
    assert update.message is not None
    assert (read_message(update.message, max_image=1, name="hue_bot") is not None) == asked
    assert read_message(update.message, max_image=1) is not None


def test_a_new_kind_of_part_does_not_keep_the_post_from_its_answer() -> None:
    raw = message(3, text="so sad", forward_origin={"type": "from_the_moon"}, effect_id=[1])
    update = read_update({"update_id": 1} | raw)
    assert update.message is not None and update.message.text == "so sad"


def test_errors_of_broken_updates_do_not_show_them() -> None:
    with pytest.raises(ValueError, match="in an update") as caught:
        read_update({"update_id": 1, "message": {"text": "my secret"}})
    assert "my secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_token_is_in_no_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handlers, hook, level = root.handlers[:], sys.excepthook, root.level
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    try:
        guard(Scrubber(TOKEN))
        address = f"https://api.telegram.org/file/bot{TOKEN}/x"
        quoted = address.replace(":AA", "%3AAA")
        try:
            raise OSError(f"no way to {address}") from ValueError(quoted)
        except OSError as error:
            logging.getLogger("aiohttp.client").exception("failed: %s", address)
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook = hook
        logging.captureWarnings(capture=False)
    said = capsys.readouterr().err
    assert "no way to" in said and "ValueError" in said and "***" in said
    assert "AAsecret" not in said


@pytest.mark.parametrize("token", ["", "  ", "abc", "12:", "12:a b c d", "12:ab/../cd"])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(InputError) as caught:
        read_token({"POSTHUE_BOT_TOKEN": token})
    assert not token.strip() or token not in str(caught.value)


def test_settings(tmp_path: Path) -> None:
    assert read_token({"POSTHUE_BOT_TOKEN": f" {TOKEN}\n"}) == TOKEN
    assert default_journal(TOKEN, {"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "posthue/bot-123456.ids"
    assert BotSettings(webhook_url="https://x.example").webhook_path == "/"
    assert read_secret({}) is None
    with pytest.raises(InputError, match="WEBHOOK_SECRET"):
        read_secret({"POSTHUE_WEBHOOK_SECRET": "a b"})
    wrong: list[dict[str, Any]] = [
        {"keep_posts": True},
        {"feedback": Path("x.xlsx")},
        {"api_url": "example.com"},
        {"grace": 0},
    ]
    for values in wrong:
        with pytest.raises(InputError):
            BotSettings(**values)


def test_verdicts_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    data = button_data("w", "sentiment", "positive")
    assert data is not None and len(data) <= 64
    verdict = read_button(data)
    assert verdict == Verdict("wrong", "sentiment", "positive")
    assert button_data("w", "a scheme", "a label" * 10) is None
    FeedbackFile(path, model="tiny", keep_posts=False).add(verdict, text="=1+1", picture=b"x")
    FeedbackFile(path, model="tiny", keep_posts=False).add(verdict)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["verdict"] for row in rows] == ["wrong", "wrong"]
    assert "1+1" not in path.read_text() and list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="other columns"):
        FeedbackFile(path, model="tiny", keep_posts=True)


def test_verdicts_with_posts(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    file = FeedbackFile(path, model="tiny", keep_posts=True)
    file.add(Verdict("right", "sentiment", "positive"), text="a post", picture=b"pixels")
    row = json.loads(path.read_text())
    assert row["text"] == "a post"
    assert (tmp_path / row["picture"]).read_bytes() == b"pixels"


class FullDisk(FeedbackFile):
    """A file that cannot be written to until ``full`` is unset."""

    full = True

    def add(self, verdict: Verdict, *, text: str = "", picture: bytes | None = None) -> None:
        if self.full:
            raise OSError("no space left")
        super().add(verdict, text=text, picture=picture)


def test_no_thanks_for_a_verdict_that_was_not_saved(tmp_path: Path) -> None:
    file = FullDisk(tmp_path / "verdicts.csv", model="tiny", keep_posts=False)
    calls = Calls(Bot(TOKEN), patience=0.1)
    verdicts = Verdicts(calls, SCHEMES, BotSettings(feedback=tmp_path / "verdicts.csv"), file)
    data = button_data("r", "sentiment", "positive")
    assert data is not None
    update = read_update({"update_id": 1} | pressed(data, 5))
    assert update.callback_query is not None

    query = update.callback_query

    async def said() -> list[str]:
        first = [await verdicts._write(query) for _ in range(2)]
        file.full = False
        return first + [await verdicts._write(query) for _ in range(2)]

    assert asyncio.run(said()) == ["not_saved", "not_saved", "thanks", "thanks"]
    assert len((tmp_path / "verdicts.csv").read_text().splitlines()) == 2


def test_the_heat_map_has_the_colours_of_the_pages() -> None:
    heat = np.zeros((7, 7))
    heat[:, 0], heat[:, 6] = 0.2, -0.2
    drawn = np.asarray(_heated(np.full((64, 64, 3), 128, np.uint8), heat)).astype(int)
    assert drawn[128, 5, 2] > drawn[128, 5, 0]
    assert drawn[128, 250, 0] > drawn[128, 250, 2]
    assert "blue regions speak for" in " ".join(ENGLISH["help"].split())


@pytest.mark.parametrize(
    "data", [None, "", "x", "[]", "[1,2,3]", '["r"]', '{"a":1}', "[" * 9999, '[["r"],1,2]']
)
def test_buttons_of_others(data: str | None) -> None:
    assert read_button(data) is None


@pytest.mark.parametrize("language", ["en", "ru"])
def test_replies_and_pictures(tiny_classifier: posthue.PostClassifier, language: str) -> None:
    post = Post(text="what a happy day", image=picture("red", (300, 500)))
    explanation = tiny_classifier.explain(post)
    prediction = explanation.prediction
    said = post_text(prediction, "sentiment", language, explanation)
    assert ("позитив" if language == "ru" else "positive") in said
    for shown in (explanation, None):
        drawn = Image.open(io.BytesIO(draw_post(post, prediction, shown, language)))
        assert drawn.size == (680, 2 * 20 + max(256, 34 + 90 + 34 + 120))
    alone = tiny_classifier.predict("happy")
    album = draw_album([post, Post(text="happy")], [prediction, alone], "sentiment", language)
    assert Image.open(io.BytesIO(album)).size == (680, 20 + 2 * 104)


def test_long_replies_fit_in_utf_16() -> None:
    assert fitting("short", 10) == "short"
    for text in ("a" * 5000, "😀" * 3000, "я😀" * 2000):
        cut = fitting(text, 1024)
        assert 1000 <= len(cut.encode("utf-16-le")) // 2 <= 1024 and cut.endswith("…")
