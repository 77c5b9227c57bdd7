"""Times as tables hold them, and periods to count in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

_NAMED_ZONE = re.compile(r"^(\d{4}-\d\d-\d\d[T ].*\d)\s*(?:UTC|GMT)$")
_DIGITS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
_TWITTER = "%a %b %d %H:%M:%S %z %Y"
#: Smallest unit first; a unit is taken if it gives at most this many periods.
UNITS = ("hour", "day", "week", "month", "year")
_MOST = 48


def time_of(value: object) -> datetime | None:
    """Return a cell as a time in UTC; None if it is none. A time without a zone is taken as UTC.

    Understood: dates and times, ISO 8601 (also with " UTC" or " GMT" at the end), YYYYMMDD and YYYYMMDDhhmmss
    (as numbers too), Twitter's and e-mail's formats, seconds or milliseconds since 1970.

    >>> time_of("Wed Aug 27 13:08:45 +0000 2008") == time_of("2008-08-27T15:08:45+02:00")
    True
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int | float):
        return (_in_digits(str(value)) if isinstance(value, int) else None) or _since_1970(float(value))
    return _parsed(str(value).strip()) if value is not None else None


def _parsed(text: str) -> datetime | None:
    if (found := _in_digits(text)) is not None:
        return found
    number = text.replace(".", "", 1)
    if number.isascii() and number.isdecimal() and len(text.partition(".")[0]) >= 9:
        return _since_1970(float(text))
    text = _NAMED_ZONE.sub(r"\1+00:00", text)
    for read in (datetime.fromisoformat, lambda t: datetime.strptime(t, _TWITTER), parsedate_to_datetime):
        try:
            return time_of(read(text))
        except (ValueError, OverflowError):
            continue
    return None


def _in_digits(text: str) -> datetime | None:
    """Read YYYYMMDD and YYYYMMDDhhmmss."""
    kind = _DIGITS.get(len(text))
    if kind is None or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return datetime.strptime(text, kind).replace(tzinfo=UTC)
    except ValueError:
        return None


def _since_1970(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds / 1000 if abs(seconds) > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def choose_unit(times: Iterable[datetime]) -> str:
    """Return the smallest unit in which the times fill at most 48 periods."""
    moments = list(times)
    if not moments:
        return UNITS[0]
    first, last = min(moments), max(moments)
    days = (last - first) / timedelta(days=1)
    periods = dict(zip(UNITS, (24 * days, days, days / 7, days / 30.4, days / 365), strict=True))
    return next((unit for unit in UNITS if periods[unit] <= _MOST), UNITS[-1])


def period_of(time: datetime, unit: str) -> datetime:
    """Return the begin of the hour, day, week (Monday), month or year of a time.

    >>> period_of(datetime(2024, 5, 16, 9, 30), "week").isoformat()
    '2024-05-13T00:00:00'
    """
    if unit == "hour":
        return time.replace(minute=0, second=0, microsecond=0)
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "day":
        return day
    return day.replace(day=1) if unit == "month" else day.replace(day=1, month=1)
