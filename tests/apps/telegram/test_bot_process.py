"""The real bot process, over real HTTP, against our own Bot API server."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("aiogram")

from bot_process import BotProcess, document, message, photo, picture, pressed
from fake_bot_api import FakeBotApi, Sent


@pytest.fixture
def api() -> Iterator[FakeBotApi]:
    with FakeBotApi() as server:
        server.files = {"green": picture("green"), "red": picture("red"), "torn": picture()[:60]}
        yield server


def by_reply(api: FakeBotApi) -> dict[int, Sent]:
    found = {one.replied_to: one for one in api.sent}
    assert len(found) == len(api.sent), "a message was answered twice"
    return found


def test_what_people_send_is_answered(api: FakeBotApi, tiny_bundle: Path, tmp_path: Path) -> None:
    verdicts = tmp_path / "verdicts.jsonl"
    api.sizes["huge"] = 30 * 2**20
    api.files["huge"] = b""
    api.put(
        message(1, text="/start"),
        message(2, text="what a happy day"),
        message(3, **photo("green", caption="happy")),
        message(4, chat=8, language="ru-RU", **photo("red")),
        message(5, chat=9, **document("green", caption="sad")),
        message(6, chat=9, sticker={"file_id": "x"}),  # lacks what a sticker has
        {"message": "not a message"},
        {"new_kind_of_update": {"chat": {"id": 7}}},
        message(7, chat=10, **document("torn")),
        message(8, chat=10, **document("huge", size=30 * 2**20)),
        message(9, chat=10, **document("huge")),
        message(10, chat=10, **document("video", mime="video/mp4")),
        message(11, chat=10, text=" \n "),
        message(12, chat=10, voice={"file_id": "v", "file_unique_id": "v", "duration": 3}),
        message(
            13,
            chat=11,
            text="sad",
            forward_origin={"type": "hidden_user", "sender_user_name": "B", "date": 1},
        ),
        *(message(20 + n, chat=12, media_group_id="a", **photo("green" if n else "red")) for n in range(3)),
        message(23, chat=12, media_group_id="a", **photo("torn", caption="what a day")),
        message(30, chat=13, language="ru", text="/privacy"),
        message(31, chat=13, **photo("unknown")),
    )
    expected = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20, 30, 31}
    with BotProcess(api, tiny_bundle, tmp_path, "--feedback", str(verdicts)) as bot:
        api.wait(lambda: {one.replied_to for one in api.sent} >= expected)
        said = by_reply(api)
        assert set(said) == expected
        assert "Hello!" in said[1].text
        assert said[2].method == "sendPhoto" and "The post expresses: positive" in said[2].text
        assert "text alone" in said[2].text
        assert "Share of the decision: text" in said[3].text
        assert "Пост выражает: негатив" in said[4].text and "только по картинке" in said[4].text
        assert "text and picture" not in said[5].text.lower() or "disagree" in said[5].text
        assert "cannot read this picture" in said[7].text
        assert "too large" in said[8].text and "too large" in said[9].text and "10 MB" in said[9].text
        assert "texts and pictures only" in said[6].text
        assert "texts and pictures only" in said[10].text and "texts and pictures only" in said[12].text
        assert "nothing to predict" in said[11].text
        assert "expresses: negative" in said[13].text
        assert "An album of 4" in said[20].text and said[20].text.count("\n") == 4
        assert "1. 🔴" in said[20].text and "2. 🟢" in said[20].text and "4. I cannot read" in said[20].text
        assert "записаны время" in said[30].text
        assert "did not give me" in said[31].text
        for number in (2, 3, 4, 20):
            assert Image.open(io.BytesIO(said[number].picture or b"")).width == 680

        api.put(message(40, text="what a happy day"))  # none waits: it is explained
        api.wait(lambda: len(api.sent) > len(expected))
        assert "Speaks most for it: “happy”" in by_reply(api)[40].text

        assert [button["text"] for button in said[3].buttons] == ["👍 right", "👎 wrong"]
        wrong = said[3].buttons[1]["callback_data"]
        api.put(
            pressed(wrong, 50_003), pressed(wrong, 50_003), pressed('["r","sentiment","nonsense"]', 50_004)
        )
        api.wait(lambda: api.calls["answerCallbackQuery"] == 3)
        api.wait(lambda: api.calls["editMessageReplyMarkup"] >= 1)
        rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
        assert [(row["label"], row["verdict"]) for row in rows] == [("positive", "wrong")]
        assert set(rows[0]) == {"time", "scheme", "label", "verdict", "model"}

        api.wait(lambda: not api.updates)
        api.faults = lambda method, number: ("refuse", 401) if method == "getUpdates" else None
        api.put(message(50, sticker={}))
        assert bot.process.wait(150) == 2
        log = bot.said()
        assert "does not know the bot's token" in log
        assert api.token.partition(":")[2] not in log
        assert "happy" not in log and "Ann" not in log
        assert log.count("was left out") == 1


def test_faults_kills_and_restarts(api: FakeBotApi, tiny_bundle: Path, tmp_path: Path) -> None:
    faults: dict[tuple[str, int], tuple[object, ...]] = {
        ("sendPhoto", 1): ("flood", 1),
        ("sendPhoto", 2): ("error", 500),
        ("sendPhoto", 3): ("garbage",),
        ("sendPhoto", 4): ("drop",),
        ("sendPhoto", 6): ("refuse", 403),
        ("getFile", 1): ("error", 502),
        ("file", 1): ("drop",),
        ("file", 2): ("error", 503),
        ("getUpdates", 1): ("garbage",),
        ("getUpdates", 2): ("flood", 1),
        ("getUpdates", 3): ("drop",),
    }
    api.faults = lambda method, number: faults.get((method, number))
    api.put(message(1, **photo("green")))
    with BotProcess(api, tiny_bundle, tmp_path, "--no-explain") as bot:
        api.wait(lambda: len(api.sent) == 1)
        api.wait(lambda: not api.updates)
        api.put(message(2, text="sad"))
        api.wait(lambda: api.faulted.total() == len(faults))
        api.wait(lambda: not api.updates)  # refused for good: done with
        api.faults = lambda method, number: (
            ("flood", 4000) if method == "sendPhoto" and len(api.sent) > 2 else None
        )
        api.put(*(message(number, chat=number, text="happy") for number in range(3, 8)))
        api.wait(lambda: api.faulted["flood"] == 2 + 3)
        api.wait(lambda: bot.journal.read_text().count("\n") == 4)
        bot.kill()
    assert len(api.sent) == 3
    api.faults = lambda method, number: None
    with BotProcess(api, tiny_bundle, tmp_path, "--no-explain") as bot:
        api.wait(lambda: bot.journal.read_text().count("\n") == 7)
        api.stop()
        api.put(*(message(number, chat=number, text="sad") for number in range(8, 11)))
        api.start()
        api.wait(lambda: len(api.sent) > 6)
        assert bot.stop() == 0  # answers what it has accepted
    assert set(by_reply(api)) == {1, *range(3, 11)}
    journal = bot.journal.read_text().split()
    assert len(set(journal)) == len(journal) == len(api.sent) + 1
    assert api.token.partition(":")[2] not in bot.said()


def test_webhook(api: FakeBotApi, tiny_bundle: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--webhook-url", "https://bot.example/hook", "--port", str(port), "--no-explain")
    url = f"http://127.0.0.1:{port}/hook"
    with BotProcess(api, tiny_bundle, tmp_path, *options) as bot:
        bot.ready()
        asked = api.fields["setWebhook"]
        secret = asked["secret_token"]
        assert asked["url"] == "https://bot.example/hook" and len(secret) > 30
        update = {"update_id": 5} | message(1, text="happy")
        assert api.push(url, update, None) == 401
        assert api.push(url, update, "guess") == 401
        assert api.push(url, b"{", secret) == 400
        assert api.push(url, b"[" * 100_000, secret) == 400
        assert api.push(url, {"no": "id"}, secret) == 400
        assert api.sent == []
        assert [api.push(url, update, secret) for _ in range(3)] == [200] * 3
        assert set(by_reply(api)) == {1}
        assert bot.stop() == 0
        assert secret not in bot.said() and api.token not in bot.said()


def test_no_token() -> None:
    environment = {"POSTHUE_BOT_TOKEN": "no-token", "PATH": ""}
    command = [sys.executable, "-m", "posthue", "bot"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 2
    assert "POSTHUE_BOT_TOKEN" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "no-token" not in done.stderr
