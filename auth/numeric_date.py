"""Which values are a point in time in a token (NumericDate, RFC 7519 §2)."""

from __future__ import annotations

#: The first and the last second that a calendar of Python can show: years 1 to 9999.
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799


def is_numeric_date(value: object) -> bool:
    """Tell whether a value is a number of seconds since 1970, in a year that can be written down."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and EARLIEST <= value <= LATEST
