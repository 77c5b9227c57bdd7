"""Which language a text is in: Compact Language Detector 2, which is small, quick and needs no network."""

from __future__ import annotations

from importlib.util import find_spec

from posthue.data.text import normalise_tweet
from posthue.errors import MissingExtraError

#: What the detector says where it cannot tell.
UNKNOWN = "un"


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text's language; "un" where it cannot be told.

    Mentions, links and the marks of a hashtag are left out. Raises MissingExtraError without pycld2.
    """
    if find_spec("pycld2") is None:
        raise MissingExtraError("pycld2", "train")
    import pycld2  # noqa: PLC0415

    words = [word.lstrip("#") for word in normalise_tweet(text).split() if word not in ("@user", "http")]
    try:
        _, _, details = pycld2.detect(" ".join(words), bestEffort=True)
    except pycld2.error:  # characters that it does not take
        return UNKNOWN
    return str(details[0][1])
