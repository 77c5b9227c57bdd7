"""The real bot in a process of its own, and the updates that it gets."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fake_bot_api import FakeBotApi
from PIL import Image


class BotProcess:
    """``posthue bot`` against a fake server; what it writes goes to ``log``."""

    def __init__(
        self, api: FakeBotApi, bundle: Path, folder: Path, *options: str, verbose: bool = True
    ) -> None:
        self.log = folder / "bot.log"
        self.journal = folder / "answered.ids"
        self._api = api
        command = [
            sys.executable,
            "-m",
            "posthue",
            "bot",
            "--api-url",
            api.url,
            "--model",
            str(bundle),
        ]
        command += ["--threads", "1", "--journal", str(self.journal), "--album-seconds", "0.3"]
        command += ["--verbose"] if verbose else []
        environment = os.environ | {"POSTHUE_BOT_TOKEN": api.token, "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)

    def __enter__(self) -> BotProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def ready(self, seconds: float = 150) -> BotProcess:
        self._api.wait(lambda: "answers (" in self.said() or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.said()
        return self

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(150)


def picture(colour: str = "green", size: tuple[int, int] = (120, 90)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def message(number: int, chat: int = 7, language: str = "en", **content: Any) -> dict[str, Any]:
    """An update of a private message."""
    sender = {"id": chat, "is_bot": False, "first_name": "Ann", "language_code": language}
    there = {"id": chat, "type": "private"}
    return {"message": {"message_id": number, "date": 1, "from": sender, "chat": there} | content}


def photo(file_id: str, **more: Any) -> dict[str, Any]:
    """The content of a message with a photo, in two sizes."""
    small = {"file_id": "small", "file_unique_id": "s", "width": 90, "height": 68, "file_size": 900}
    large = {"file_id": file_id, "file_unique_id": "l", "width": 800, "height": 600, "file_size": 9000}
    return {"photo": [small, large]} | more


def document(file_id: str, mime: str = "image/png", size: int = 900, **more: Any) -> dict[str, Any]:
    found = {"file_id": file_id, "file_unique_id": "d", "mime_type": mime, "file_size": size}
    return {"document": found} | more


def pressed(data: str, number: int, chat: int = 7, original: dict[str, Any] | None = None) -> dict[str, Any]:
    """An update of a pressed button under the bot's message ``number``."""
    sender = {"id": chat, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    reply = message(number, chat, text="…")["message"]
    if original is not None:
        reply["reply_to_message"] = original["message"]
    return {
        "callback_query": {
            "id": str(number),
            "from": sender,
            "chat_instance": "1",
            "message": reply,
            "data": data,
        }
    }
