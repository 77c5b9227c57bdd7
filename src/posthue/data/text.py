"""The text of a post, cleaned as tweet models expect it.

The conventions are those of the TweetEval models (Barbieri et al. 2020): a token that starts with ``@`` is a
person and becomes ``@user``, one that starts with ``http`` is a link and becomes ``http``.

>>> normalise_tweet("@anna it\\u2019s &amp;amp; was https://t.co/x")
'@user it’s & was http'
"""

from __future__ import annotations

import html
import re

#: Longer texts are cut: no encoder reads further, and the work on one post stays bounded.
MAX_CHARS = 10_000

_LINK = re.compile(r"(?:https?://|www\.)\S*[^\s.,;:!?)\]}\"'”’»]", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\w)[@＠]\w+(?:@[\w.-]*\w)?")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})|(n)|"("?))')
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORD = re.compile(r"\w")
_ROUNDS = 8


def normalise_tweet(text: str) -> str:
    r"""Return ``text`` as the tweet models were trained on it; at most 10,000 characters.

    Decodes literal ``\uXXXX`` escapes (surrogate pairs too), ``\n`` and ``\"``, and HTML entities, even where
    they were escaped twice; drops control characters and lone surrogates; makes every mention ``@user`` and
    every link ``http``; collapses white space. Emoji stay. Applying it again changes nothing.
    """
    text = _decode(text[:MAX_CHARS])
    return " ".join(map(_mask, text.split()))[:MAX_CHARS].rstrip()


def masked(text: str) -> str:
    """Return the text as it may be shown: ``normalise_tweet``, and every mention @user, every link http.

    ``normalise_tweet`` masks whole tokens, as the models were trained; this finds those within tokens too:
    after a bracket, quote or full stop. Applying it again changes nothing.

    >>> masked(".@anna said (https://t.co/x), see www.example.org")
    '.@user said (http), see http'
    """
    return _MENTION.sub("@user", _LINK.sub("http", normalise_tweet(text)))


def count_words(text: str) -> int:
    """Return the number of words; mentions, links and bare punctuation are not words."""
    tokens = normalise_tweet(text).split()
    return sum(1 for token in tokens if token not in ("@user", "http") and _WORD.search(token))


def _decode(text: str) -> str:
    for _ in range(_ROUNDS):  # one layer of escaping may hide another
        decoded = _drop_unprintable(html.unescape(_ESCAPE.sub(_unescape, text)))
        if decoded == text:
            break
        text = decoded
    return text


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return "\n" if match[3] else '"'


def _drop_unprintable(text: str) -> str:
    text = _CONTROL.sub("", text)
    if _SURROGATE.search(text):  # joins pairs, drops what has no partner
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return text


def _mask(token: str) -> str:
    if token.startswith("@") and len(token) > 1:
        return "@user"
    return "http" if token.startswith("http") else token
