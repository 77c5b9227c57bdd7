"""From an update to what is asked. Nothing here asks Telegram or the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiogram.types import CallbackQuery, Message, Update

_COMMANDS = {"/start": "start", "/help": "help", "/privacy": "privacy"}
_LARGE_ENOUGH = 320  # pixels of the short side; models read 224 to 256
_SEEN_IN_CHATS = frozenset(
    (
        "animation",
        "audio",
        "contact",
        "checklist",
        "dice",
        "game",
        "gift",
        "invoice",
        "live_photo",
        "location",
        "paid_media",
        "poll",
        "rich_message",
        "sticker",
        "story",
        "unknown",
        "venue",
        "video",
        "video_note",
        "voice",
    )
)

_NEEDED = frozenset(
    ("message_id", "date", "chat", "from", "text", "caption", "photo", "document", "media_group_id")
)


class Kind(StrEnum):
    """What a message asks for."""

    START = "start"
    HELP = "help"
    PRIVACY = "privacy"
    POST = "post"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Ask:
    """One message. text: of the post, "" for none. file_id: of its picture."""

    kind: Kind
    chat_id: int
    message_id: int
    language: str
    text: str = ""
    file_id: str | None = None


def read_update(raw: object) -> Update:
    """Return the update; raise ValueError, without what the update says, for one that is none.

    A message with a part that aiogram does not know (Telegram invents new ones) is read without that part.
    """
    try:
        return Update.model_validate(raw)
    except ValueError as error:  # pydantic's holds the message itself, which no log may see
        kind = type(error).__name__
    try:
        return Update.model_validate(_needed(raw))
    except ValueError:
        raise ValueError(f"{kind} in an update") from None


def _needed(raw: object) -> object:
    message = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(message, dict):
        return None
    needed = {name: value for name, value in message.items() if name in _NEEDED}
    return {"update_id": raw["update_id"], "message": needed}


def update_id_of(raw: object) -> int | None:
    """Return the id of a raw update, where it has one."""
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def album_of(raw: object) -> tuple[Any, str] | None:
    """Return what names the album that a raw update belongs to, where it does."""
    message = raw.get("message") if isinstance(raw, dict) else None
    group = message.get("media_group_id") if isinstance(message, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    chat_id = chat.get("id") if isinstance(chat, dict) else None
    return (chat_id, group) if isinstance(group, str) and isinstance(chat_id, int) else None


def read_message(message: Message, *, max_image: int, name: str | None = None) -> Ask | None:
    """Return what a message asks for; None: it is not for the bot to answer.

    max_image: bytes of a picture. name: the bot's own; in groups, commands to other bots are theirs.
    """
    text = (message.text or message.caption or "").encode("utf-8", "replace").decode()
    kind = _command(text)
    file_id = None
    if message.chat.type != "private" and (kind is None or not _is_for(name, text)):
        return None
    if kind is None:
        kind, file_id = _content(message, text, max_image)
    if kind is None:
        return None
    language = language_of(message)
    return Ask(kind, message.chat.id, message.message_id, language, text.strip(), file_id)


def language_of(event: Message | CallbackQuery) -> str:
    """Return "ru" for those whose Telegram speaks Russian, else "en"."""
    code = (event.from_user.language_code or "") if event.from_user else ""
    return "ru" if code.lower().partition("-")[0] == "ru" else "en"


def _command(text: str) -> Kind | None:
    word = next(iter(text.split(maxsplit=1)), "").partition("@")[0].lower()
    return Kind(_COMMANDS[word]) if word in _COMMANDS else None


def _is_for(name: str | None, text: str) -> bool:
    """Whether a command names no bot, or this one."""
    called = text.split(maxsplit=1)[0].partition("@")[2]
    return not called or name is None or called.lower() == name.lower()


def _content(message: Message, text: str, max_image: int) -> tuple[Kind | None, str | None]:
    if message.photo:
        chosen = _photo(message, max_image)
        return (Kind.POST, chosen) if chosen else (Kind.TOO_LARGE, None)
    document = message.document
    if document is not None and message.animation is None:
        if not (document.mime_type or "").lower().startswith("image/"):
            return Kind.UNSUPPORTED, None
        large = (document.file_size or 0) > max_image
        return (Kind.TOO_LARGE, None) if large else (Kind.POST, document.file_id)
    if message.text is not None:
        return (Kind.POST if text.strip() else Kind.BLANK), None
    return (Kind.UNSUPPORTED if message.content_type in _SEEN_IN_CHATS else None), None


def _photo(message: Message, max_image: int) -> str | None:
    """Return the smallest size of the photo that shows the model enough, or else the largest."""
    sizes = sorted(message.photo or (), key=lambda size: size.width * size.height)
    fitting = [size for size in sizes if (size.file_size or 0) <= max_image]
    for size in fitting:
        if min(size.width, size.height) >= _LARGE_ENOUGH:
            return size.file_id
    return fitting[-1].file_id if fitting else None
