"""Mentions and links masked for readers, wherever they stand: also after a bracket, quote or full stop."""

from __future__ import annotations

import re

from posthue.data.text import normalise_tweet

_LINK = re.compile(r"(?:https?://|www\.)\S*[^\s.,;:!?)\]}\"'”’»]", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\w)[@＠]\w+(?:@[\w.-]*\w)?")


def masked(text: str) -> str:
    """Return the text as it may be shown: ``normalise_tweet``, and every mention @user, every link http.

    ``normalise_tweet`` masks whole tokens, as the models were trained; this finds those within tokens too.
    Applying it again changes nothing.

    >>> masked(".@anna said (https://t.co/x), see www.example.org")
    '.@user said (http), see http'
    """
    return _MENTION.sub("@user", _LINK.sub("http", normalise_tweet(text)))
