"""Revokes tokens, sessions and users, and tells which tokens are revoked."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..access_token import AccessToken
from ..errors import AuthError, DenylistUnavailableError, MalformedTokenError, TokenRevokedError
from ..stores import Entry, StoreBusyError, StoreUnavailableError
from ..tokens.issuer import TrustedIssuer
from .denylist import Denylist
from .keys import PREFIX, session_key, text_key, token_key, user_key
from .outage import Outage

_LOGGER = logging.getLogger("flask_resource_server")

Result = TypeVar("Result")

#: The name of the issuer of a service that accepts any.
_ANY_ISSUER = ""

#: Seconds for which a revocation outlives what it revokes: the most leeway that can be set, as another service with the
#: same denylist may have it, and a minute, because the clocks of two machines differ.
_SPARE = 660

#: Seconds ahead until which the tokens of a user can be revoked. A later time is a mistake, such as milliseconds: every
#: token of the user would be refused for years.
_FURTHEST = 86_400

#: The key that probes read and write.
_PROBE = f"{PREFIX}probe"

#: Seconds for which it is kept: over before the next probe, because a store that is full may still extend an entry.
_PROBE_KEPT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DenylistStatus:
    """What the denylist is like at the moment, for readiness probes."""

    #: Whether it answers, so that tokens can be judged.
    ready: bool
    #: Whether requests are refused while it does not answer; otherwise revoked tokens are accepted meanwhile.
    refuses: bool
    #: Why it does not answer, or takes no new entries, in our own words; None if it does both.
    last_error: str | None


class Revocations:
    """Tokens that are refused before their time. Threads share it."""

    def __init__(
        self,
        denylist: Denylist,
        issuers: Iterable[TrustedIssuer],
        *,
        refuses: bool,
        keep: float,
        clock: Callable[[], float],
    ) -> None:
        """``refuses`` is for outages, ``keep`` is in seconds, and ``clock`` returns those since the epoch."""
        self._denylist = denylist
        #: All names of an issuer, by each of them: what is revoked under one is revoked under all. An entry is kept for
        #: each name, so it is found whatever the order of the names in the settings is later.
        self._names = {name: issuer.names for issuer in issuers for name in issuer.names}
        self._refuses = refuses
        self._kept = keep + _SPARE
        self._clock = clock
        self._outage = Outage(refuses=refuses)
        self._has_warned_of_age = False
        self._told: Callable[[], None] | None = None

    def on_failure(self, tell: Callable[[], None]) -> None:
        """Call a function at each question that the denylist does not answer, in place of the one before."""
        self._told = tell

    def check(self, token: AccessToken, encoded: Callable[[], str]) -> None:
        """Refuse a verified token that is revoked; ``encoded`` returns its text, and is called if it has no id.

        Raises:
            TokenRevokedError: the token, its session or its user is revoked.
            MalformedTokenError: its session is no text, so nobody can tell whether it is revoked.
            DenylistUnavailableError: the denylist does not answer, and requests are refused meanwhile; or this process
                asks it more than it can. Nobody passes by that, or a client could open the gate by load.
        """
        try:
            self._check(token, encoded)
        except AuthError as error:
            error.token = token
            raise

    def _check(self, token: AccessToken, encoded: Callable[[], str]) -> None:
        if not self._has_warned_of_age:
            self._warn_of_age(token)
        try:
            user, own, *sessions = self._values(self._keys(token, encoded))
        except DenylistUnavailableError as error:
            if self._refuses or _is_load(error):
                raise
            return
        if own is not None:
            raise TokenRevokedError("the token is on the denylist")
        if any(session is not None for session in sessions):
            raise TokenRevokedError("its session is on the denylist")
        if user is not None:
            _check_user(token, user)

    def _keys(self, token: AccessToken, encoded: Callable[[], str]) -> Sequence[str]:
        if not isinstance(token.claims.get("sid", ""), str | None):
            raise MalformedTokenError("sid has the wrong type")
        issuer = token.issuer if token.issuer in self._names else _ANY_ISSUER
        own = token_key(issuer, token.token_id) if token.token_id else text_key(encoded())
        sessions = (session_key(issuer, token.session_id),) if token.session_id else ()
        return (user_key(token.user_id), own, *sessions)

    def _warn_of_age(self, token: AccessToken) -> None:
        issued = token.claims.get("iat")
        lasts = token.valid_until - (self._clock() if issued is None else issued)
        if lasts > self._kept:
            self._has_warned_of_age = True
            _LOGGER.warning(
                "a token is good for %.0f s, and AUTH_DENYLIST_KEEP is %.0f: after that time it would be accepted "
                "although its user or session is revoked. Raise AUTH_DENYLIST_KEEP, or set AUTH_MAX_TOKEN_AGE.",
                lasts,
                self._kept - _SPARE,
            )

    def revoke(self, token: AccessToken, encoded: str) -> None:
        """Revoke a verified token, given with its text.

        Raises:
            DenylistUnavailableError: the denylist has not confirmed it.
        """
        now, token_id = self._clock(), token.token_id
        keys = [token_key(name, token_id) for name in self._names_of(token.issuer)] if token_id else [text_key(encoded)]
        self._remember(dict.fromkeys(keys, Entry(now, _end(token, now + self._kept))))

    def revoke_session(self, issuer: str, session_id: str) -> None:
        """Revoke every token with a session id (``sid``) of an issuer.

        Raises:
            ValueError: there is no such issuer, or the id is empty.
            DenylistUnavailableError: the denylist has not confirmed it.
        """
        if not session_id:
            raise ValueError("The id of a session is not empty.")
        if self._names and issuer not in self._names:
            raise ValueError(f"The issuer is not one of {', '.join(self._names)}.")
        now = self._clock()
        entry = Entry(now, now + self._kept)
        self._remember({session_key(name, session_id): entry for name in self._names_of(issuer)})

    def revoke_user(self, user_id: str, before: float | None = None) -> None:
        """Revoke the tokens of a user that were issued until a time, in seconds since the epoch; by default until now.

        Raises:
            ValueError: the id is empty, or the time is no finite number or more than a day ahead.
            DenylistUnavailableError: the denylist has not confirmed it.
        """
        now = self._clock()
        until = now if before is None else before
        if not user_id:
            raise ValueError("The id of a user is not empty.")
        if not math.isfinite(until):
            raise ValueError("The time is not a finite number.")
        if until > now + _FURTHEST:
            raise ValueError("The time is more than a day ahead. It is in seconds since the epoch.")
        self._remember({user_key(user_id): Entry(until, max(now, until) + self._kept)})

    def add_once(self, name: str, until: float) -> bool:
        """Keep a name until a time; return False if it is there already.

        Raises:
            DenylistUnavailableError: the denylist does not answer. The name may be kept or not.
        """
        return self._answer(lambda: self._denylist.add_once(PREFIX + name, until))

    def status(self) -> DenylistStatus:
        """Read and write an entry of its own, and return what the denylist is like.

        A denylist that cannot be written to may still answer requests, but nothing more can be revoked. Each of the two
        steps waits no longer than a request does; if nothing can be read, nothing is written.
        """
        answers, reason = False, None
        try:
            self._values([_PROBE])
            answers, now = True, self._clock()
            self._remember({_PROBE: Entry(now, now + _PROBE_KEPT)})
        except DenylistUnavailableError as error:
            reason = error.reason
        return DenylistStatus(ready=answers, refuses=self._refuses, last_error=reason)

    def _names_of(self, issuer: str | None) -> Sequence[str]:
        return self._names.get(issuer or _ANY_ISSUER, (_ANY_ISSUER,))

    def _remember(self, entries: Mapping[str, Entry]) -> None:
        self._answer(lambda: self._denylist.remember(entries))

    def _values(self, keys: Sequence[str]) -> Sequence[float | None]:
        was_down = self._outage.is_known
        try:
            values = self._answer(lambda: _numbers(self._denylist.values(keys), len(keys)))
        except DenylistUnavailableError as error:
            if not _is_load(error):
                self._outage.begin(error.reason)
            raise
        if was_down:
            self._outage.end()
        return values

    def _answer(self, question: Callable[[], Result]) -> Result:
        """Return what the denylist answers.

        Raises:
            DenylistUnavailableError: it raised an error, whichever that is.
        """
        try:
            return question()
        except Exception as error:
            if self._told is not None:
                self._told()
            # A denylist that somebody else has made may raise anything. Nobody passes by that.
            reason = str(error) if isinstance(error, StoreUnavailableError) else f"it raised {type(error).__name__}"
            raise DenylistUnavailableError(f"the denylist cannot be used: {reason}") from error


def _is_load(error: DenylistUnavailableError) -> bool:
    """Whether the denylist may be well, and this process has too much to ask it."""
    return isinstance(error.__cause__, StoreBusyError)


def _numbers(values: Sequence[float | None], count: int) -> Sequence[float | None]:
    """Return the values of a denylist as numbers; a database may have them as decimals."""
    numbers = [None if value is None else float(value) for value in values]
    if len(numbers) != count or any(number is not None and math.isnan(number) for number in numbers):
        raise StoreUnavailableError("it does not return a number or None for each key")
    return numbers


def _end(token: AccessToken, kept: float) -> float:
    """Return when the revocation of a token may end; ``kept`` is when it does for a user.

    Another service with the same denylist may forgive more, or accept an older token.
    """
    expires: float | None = token.claims.get("exp")
    if expires is not None:
        return max(expires, token.valid_until) + _SPARE
    return max(kept, token.valid_until + _SPARE) if math.isfinite(token.valid_until) else kept


def _check_user(token: AccessToken, until: float) -> None:
    """Refuse a token that was issued until a time, the second of that time included, or at an unknown time."""
    issued = token.claims.get("iat")
    if issued is None:
        raise TokenRevokedError("its user's tokens were revoked, and it does not say when it was issued (iat)")
    if math.floor(issued) <= until:
        raise TokenRevokedError("issued before its user's tokens were revoked")
