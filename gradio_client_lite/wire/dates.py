"""Dates of HTTP: whatever a header holds, they are a moment or nothing."""

from __future__ import annotations

from typing import Optional


def epoch(text: Optional[str]) -> Optional[float]:
    """Return a date in seconds since 1970; None where there is none, or one that cannot be.

    Example:
        >>> epoch("Sun, 06 Nov 1994 08:49:37 GMT")
        784111777
    """
    from email.utils import mktime_tz, parsedate_tz

    try:
        date = parsedate_tz(text)
        return None if date is None else mktime_tz(date)
    except (ValueError, TypeError, IndexError, OverflowError):  # such as a day 99, or a NUL
        return None
