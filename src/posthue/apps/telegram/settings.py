"""What the operator of the bot can set. The token is not among it: it comes from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from posthue.errors import InputError
from posthue.settings import Count, Positive, check_settings

TOKEN_VARIABLE = "POSTHUE_BOT_TOKEN"
SECRET_VARIABLE = "POSTHUE_WEBHOOK_SECRET"
_TOKEN = re.compile(r"\d{1,20}:[\w-]{3,200}", re.ASCII)
_SECRET = re.compile(r"[\w-]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BotSettings:
    """The limits and switches of one bot."""

    api_url: str = "https://api.telegram.org"
    """Address of the Bot API server."""
    journal: Path | None = None
    """The file of answered update ids. None: one per bot in the user's state folder."""
    feedback: Path | None = None
    """The csv or jsonl file of verdicts. None: no buttons."""
    keep_posts: bool = False
    """Keep the posts of the verdicts, too."""
    webhook_url: str | None = None
    """Where Telegram sends updates. None: long polling."""
    host: str = "127.0.0.1"
    """Where the webhook listens."""
    port: Count = 8081
    """Where the webhook listens."""
    explain: bool = True
    """Whether replies say which words and regions speak for the label, when nobody else waits."""
    max_image: Count = 10 * 2**20
    """Bytes of one picture."""
    at_once: Count = 8
    """Chats whose posts are fetched and predicted at the same time."""
    max_waiting: Count = 200
    """Updates in work; a webhook answers 503 beyond it (polling never fetches more than 100)."""
    poll_seconds: Count = 25
    """Of one long poll."""
    album_seconds: Positive = 1.0
    """Seconds of quiet until an album is taken as complete."""
    patience: Positive = 3600.0
    """Seconds that a reply is tried for."""
    grace: Positive = 30.0
    """Seconds to finish what was accepted when stopped."""

    def __post_init__(self) -> None:
        check_settings(self)
        _check_url("--api-url", self.api_url, ("http", "https"))
        if self.webhook_url is not None:
            _check_url("--webhook-url", self.webhook_url, ("https", "http"))
        if self.keep_posts and self.feedback is None:
            raise InputError("--keep-posts keeps the posts of verdicts: give --feedback FILE, too")
        if self.feedback is not None and self.feedback.suffix not in (".csv", ".jsonl"):
            raise InputError(f"--feedback {self.feedback}: name a .csv or a .jsonl file")

    @property
    def webhook_path(self) -> str:
        """The path of the webhook's address."""
        return urlsplit(self.webhook_url or "").path or "/"


def read_token(environment: Mapping[str, str] = os.environ) -> str:
    """Return the bot's token; raise InputError, which never shows it, where there is none."""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise InputError(f"{TOKEN_VARIABLE} is not set: put the token that @BotFather gave you there")
    if not _TOKEN.fullmatch(token):
        raise InputError(f"{TOKEN_VARIABLE} holds no token: it looks like 123456:letters-and-digits")
    return token


def read_secret(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the webhook's secret where the operator set one; raise InputError where it cannot be one."""
    secret = environment.get(SECRET_VARIABLE)
    if secret is not None and not _SECRET.fullmatch(secret):
        raise InputError(f"{SECRET_VARIABLE} must be 1 to 256 letters, digits, _ and -")
    return secret


def default_journal(token: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the journal of the bot of this token in the user's state folder."""
    state = environment.get("XDG_STATE_HOME")
    folder = Path(state) if state else Path.home() / ".local" / "state"
    return folder / "posthue" / f"bot-{token.partition(':')[0]}.ids"


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise InputError(f"{name} {url}: an address begins with {schemes[0]}:// and names a host")
