"""How a single setting is written, and what it becomes. Whether it fits the other settings is judged elsewhere.

A reader notes what is wrong at the :class:`Place` of a value, in words that never repeat a secret. What it returns
counts only if it noted nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..keys.algorithms import ASYMMETRIC_ALGORITHMS, SYMMETRIC_ALGORITHMS
from ..tokens.profiles import PROFILES, name_in_namespace
from .spelling import closest

_KNOWN_ALGORITHMS = (*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS)

#: Claims that are the same for all users, or different in every token (RFC 7519 §4.1).
_NEVER_A_USER = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})

#: Claims that are about the token or the session, and which clients choose in part (RFC 9068 §2.2.3, RFC 8693 §4.1,
#: OpenID Connect Core §2).
_NEVER_A_TENANT = _NEVER_A_USER | {"nonce", "sid", "scope", "scp", "act"}

#: Where issuers keep what users write themselves; the last is how some services spell the first.
_USERS_WRITE = frozenset({"user_metadata", "unsafe_metadata", "userMetadata"})

#: A longer list of issuers is not one that a person maintains.
_MAX_ISSUERS = 50

#: Characters that an environment file, or a copy from a web page, leaves around a value.
_QUOTATION_MARKS = tuple("\"'`“”")

#: How an environment variable is written that ``Flask.config.from_prefixed_env`` makes a list, or a text of digits.
AS_LIST, AS_TEXT = """'["first", "second"]'""", """'"123"'"""


@dataclass(slots=True)
class Place:
    """Where a value stands, and what is wrong with it."""

    #: The name of the setting as the operator wrote it.
    label: str
    #: The environment variable of that name; empty inside an entry of ``AUTH_ISSUERS``, where there is none.
    variable: str = ""
    problems: list[str] = field(default_factory=list)

    def refuse(self, sentence: str, environment: str = "") -> None:
        """Note what is wrong; ``environment`` is how an environment variable is written right."""
        hint = f" In the environment: {self.variable}={environment}" if environment and self.variable else ""
        self.problems.append(f"{self.label} {sentence}{hint}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to write a setting."""

    #: What may be written, in words.
    takes: str
    #: Turns what was written into what the library uses.
    read: Callable[[Any, Place], Any]


def number(minimum: float, maximum: float, *, whole: bool = False) -> Kind:
    """Return the kind of a number from ``minimum`` to ``maximum``."""
    takes = f"a {'whole ' * whole}number from {minimum} to {maximum}"

    def read(value: Any, place: Place) -> Any:
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if isinstance(value, str):
            place.refuse(f"must be {takes}: digits alone, without a unit and without quotation marks.")
        elif not is_number or not minimum <= value <= maximum:
            place.refuse(f"must be {takes}.")
        return value

    return Kind(takes, read)


def _read_flag(value: Any, place: Place) -> Any:
    if not isinstance(value, bool):
        place.refuse("must be true or false.", "true")
    return value


FLAG = Kind("true or false", _read_flag)


def is_clean(text: str, place: Place) -> bool:
    """Refuse an empty text, and a text with leftovers of an environment file or a copy around it."""
    if not text.strip():
        place.refuse("holds an empty text; give it a value or leave it out.")
    elif text != text.strip() or text.startswith(_QUOTATION_MARKS) or text.endswith(_QUOTATION_MARKS):
        place.refuse("holds a text with spaces, line ends or quotation marks around it; remove them.", "value")
    else:
        return True
    return False


def is_broken_json(text: str, place: Place, example: str = AS_LIST) -> bool:
    """Refuse a text that was meant as a list or a mapping: readable JSON would have become one."""
    if not text.lstrip().startswith(("[", "{")):
        return False
    place.refuse("looks like JSON but is not valid JSON.", example)
    return True


def text(check: Callable[[str, Place], None] = lambda _value, _place: None, takes: str = "a text") -> Kind:
    """Return the kind of one text; ``check`` refuses those that mean nothing."""

    def read(value: Any, place: Place) -> Any:
        if not isinstance(value, str):
            place.refuse("must be a text.", AS_TEXT)
        elif not is_broken_json(value, place, "value") and is_clean(value, place):
            check(value, place)
        return value

    return Kind(takes, read)


def matching(pattern: str, sentence: str, takes: str = "a text") -> Kind:
    """Return the kind of a text that a regular expression describes; ``sentence`` says the same to people."""

    def check(value: str, place: Place) -> None:
        if re.fullmatch(pattern, value) is None:
            place.refuse(sentence)

    return text(check, takes)


#: What may stand between the quotes of ``realm`` without escapes (RFC 9110 §5.6.4), and be read; headers stay short.
REALM = matching(
    r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,200}",
    "must be printable ASCII without quotes and backslashes, at most 200 characters.",
)

#: The name of a header field that a server hands on to an app; none that holds credentials, for an id is logged.
HEADER = matching(r"(?i)(?!.*authorization$|cookie$)[a-z0-9-]+", "must be the name of a header, such as X-Request-ID.")

#: Characters that need no escape in a path segment (RFC 3986 §3.3), so that a user id can stand there.
USER_PREFIX = matching(r"[A-Za-z0-9._~:|@-]+", "may hold ASCII letters, digits and . _ ~ : | @ - only.")


#: A segment of a path that clients, proxies and servers all read alike: nothing encoded, empty, or made of dots alone.
SEGMENT = r"/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~:@-]+"

#: A path of the app that is made of such segments.
PATH = matching(
    f"(?:{SEGMENT})+",
    "must be a path such as /auth/metrics: segments of ASCII letters, digits and . _ ~ : @ - that are not "
    "empty, . or .., without a slash at the end.",
    "a path such as `/auth/metrics`",
)


def _check_profile(name: str, place: Place) -> None:
    if name not in PROFILES:
        meant = closest(name, PROFILES)
        advice = "For any other issuer, use jwt." if meant is None else f"Did you mean {meant}?"
        place.refuse(f"must be one of {', '.join(PROFILES)}. {advice}")


PROFILE = text(_check_profile, "one of " + ", ".join(f"`{name}`" for name in PROFILES))


def _check_identity_claim(name: str, place: Place) -> None:
    if name in _NEVER_A_USER:
        place.refuse(f"must name the user, which {name} does not.")


IDENTITY_CLAIM = text(_check_identity_claim)


def texts(
    check: Callable[[tuple[str, ...], Place], None] = lambda _values, _place: None,
    takes: str = "a text or a list of texts",
) -> Kind:
    """Return the kind of one text or a list of them; ``check`` refuses those that mean nothing."""

    def read(value: Any, place: Place) -> Any:
        if isinstance(value, str):
            if is_broken_json(value, place):
                return ()
            if "," in value:
                place.refuse("holds a comma; write several texts as a list.", AS_LIST)
                return ()
            value = (value,)
        if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(item, str) for item in value):
            place.refuse(f"must be {takes}.", AS_LIST)
            return ()
        # A set has no order, but every process has to see the same first text.
        ordered = tuple(sorted(value) if isinstance(value, set | frozenset) else value)
        if all(is_clean(item, place) for item in ordered):
            check(ordered, place)
        return ordered

    return Kind(takes, read)


def _read_tenant_claim(value: Any, place: Place) -> Any:
    """Return the names on the way to a claim: those of a list, or of a text with dots between them."""
    if isinstance(value, str):
        if is_broken_json(value, place) or not is_clean(value, place):
            return ()
        names = claim_path(value)
    elif isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        names = tuple(value)
    else:
        place.refuse("must be a text, or a list of texts.", AS_TEXT)
        return ()
    if not all(name and name == name.strip() for name in names):
        place.refuse("has a name in it that is empty or has spaces around it; write o.id for the member id of o.")
    elif names[:1] and names[0] in _NEVER_A_TENANT:
        place.refuse(f"must name the tenant, which {names[0]} does not.")
    elif written := _USERS_WRITE.intersection(map(name_in_namespace, names)):
        place.refuse(f"must not be in {min(written)}: users can write there, and so choose their tenant.")
    return names


def claim_path(text: str) -> tuple[str, ...]:
    """Return the names in a text with dots between them; a name in a namespace, with ``:`` or ``/``, keeps its dots."""
    return (text,) if ":" in text or "/" in text else tuple(text.split("."))


TENANT_CLAIM = Kind("a text or a list of texts", _read_tenant_claim)


def _check_algorithms(names: tuple[str, ...], place: Place) -> None:
    algorithms = set(names)
    if not algorithms:
        place.refuse("is empty; name the algorithms of your keys or leave it out.")
    # What is not the name of an algorithm may be a secret in the wrong place, and is not shown.
    for name in sorted(algorithms - {*_KNOWN_ALGORITHMS}):
        meant = closest(name, known := {known.lower(): known for known in _KNOWN_ALGORITHMS})
        hint = "" if meant is None else f" Did you mean {known[meant]}?"
        place.refuse(f"names something that is not one of {', '.join(_KNOWN_ALGORITHMS)}.{hint}")
    if algorithms & set(SYMMETRIC_ALGORITHMS) and algorithms & set(ASYMMETRIC_ALGORITHMS):
        place.refuse("mixes HMAC and public-key algorithms; keep the kind of your key.")


ALGORITHMS = texts(_check_algorithms)


def _read_issuers(value: Any, place: Place) -> Any:
    if not isinstance(value, list | tuple) or not all(map(_is_entry, value)):
        reason = "; the text is not valid JSON" if isinstance(value, str) else ""
        place.refuse(f"must be a list of mappings{reason}.", """'[{"issuer": "https://…", …}, {…}]'""")
        return ()
    if len(value) > _MAX_ISSUERS:
        place.refuse(f"has {len(value)} entries, {_MAX_ISSUERS} at most are read.")
    return value


def _is_entry(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


ISSUERS = Kind("a list of mappings", _read_issuers)
