"""How the user has to have logged in for a view (RFC 9470), as data, and the check of what a token says about it.

How the tokens of an issuer say it is data as well. It stands in :mod:`.tokens.profiles` and in the settings; this
module reads it. Nothing here reads a clock: the time is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import InsufficientUserAuthenticationError, MalformedTokenError
from .identifiers import is_scope_token
from .numeric_date import is_numeric_date

#: Seconds of the longest ``max_age``: ten years, the bound of ``AUTH_MAX_TOKEN_AGE``.
LONGEST_AGE = 315_360_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginShape:
    """How the tokens of an issuer say how and when the user logged in, and how this service compares that."""

    #: The claim that says how (OpenID Connect Core §2).
    acr_claim: str = "acr"
    #: Whether that claim may be a list. A login is of each kind that the list names.
    lists_acr: bool = False
    #: The claim that says when.
    auth_time_claim: str = "auth_time"
    #: Every kind of login from the weakest to the strongest; empty if none is stronger than another.
    acr_values: tuple[str, ...] = ()
    #: Seconds of clock difference forgiven.
    leeway: float = 0

    def meets(self, held: str, wanted: str) -> bool:
        """Tell whether a kind of login is the one that is asked for, or a stronger one.

        If there is an order, a kind without a place in it is none that the issuer knows, and satisfies nothing.
        """
        order = self.acr_values
        if not order:
            return held == wanted
        return held in order and wanted in order and order.index(held) >= order.index(wanted)

    def acr(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the kinds of login that a token names.

        Raises:
            MalformedTokenError: the claim has the wrong type.
        """
        value = claims.get(self.acr_claim)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if self.lists_acr and isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            return tuple(value)
        raise MalformedTokenError(f"{self.acr_claim} has the wrong type")

    def auth_time(self, claims: Mapping[str, Any]) -> float | None:
        """Return when the user logged in, in seconds since the epoch; None if the token does not say.

        Raises:
            MalformedTokenError: the claim has the wrong type.
        """
        value: float | None = claims.get(self.auth_time_claim)
        if value is not None and not is_numeric_date(value):
            raise MalformedTokenError(f"{self.auth_time_claim} has the wrong type")
        return value


#: What OpenID Connect says, without an order of ``acr`` values.
OPENID_LOGIN = LoginShape()


@dataclass(frozen=True, slots=True)
class LoginDemand:
    """How and when the user has to have logged in, by all rules of a view together."""

    #: For each rule, the ``acr`` values of which one is enough.
    acr: tuple[tuple[str, ...], ...] = ()
    #: Seconds since the login at most.
    max_age: int | None = None

    @classmethod
    def of(cls, acr: Iterable[tuple[str, ...]], max_ages: Iterable[int | None]) -> LoginDemand | None:
        """Return what several rules demand together: the strictest age, and an ``acr`` for each; None if nothing."""
        named = tuple(dict.fromkeys(filter(None, acr)))
        max_age = min((age for age in max_ages if age is not None), default=None)
        return None if max_age is None and not named else cls(named, max_age)

    def check(self, claims: Mapping[str, Any], shape: LoginShape, now: float) -> None:
        """Raise if a token does not show such a login; ``now`` is in seconds since the epoch.

        A token that does not say how or when the user logged in does not show it.

        Raises:
            MalformedTokenError: a claim that is asked for has the wrong type.
            InsufficientUserAuthenticationError: the login was of another kind, or is too old.
        """
        reasons = [*self._about_acr(claims, shape), *self._about_age(claims, shape, now)]
        if reasons:
            raise InsufficientUserAuthenticationError(self.accepted(shape), self.max_age, " and ".join(reasons))

    def accepted(self, shape: LoginShape) -> tuple[str, ...]:
        """Return the ``acr`` values for the challenge (RFC 9470 §3). Each of them satisfies every rule.

        If no value does, return all that the rules name.
        """
        return self.satisfying(shape) or self.named

    def satisfying(self, shape: LoginShape) -> tuple[str, ...]:
        """Return the named ``acr`` values that satisfy every rule; none if no token of an issuer can."""
        return tuple(name for name in self.named if self._satisfies((name,), shape))

    @property
    def named(self) -> tuple[str, ...]:
        """Every ``acr`` value that the rules name."""
        return tuple(dict.fromkeys(name for names in self.acr for name in names))

    def _satisfies(self, held: Sequence[str], shape: LoginShape) -> bool:
        return all(any(shape.meets(one, wanted) for one in held for wanted in names) for names in self.acr)

    def _about_acr(self, claims: Mapping[str, Any], shape: LoginShape) -> Iterable[str]:
        held = shape.acr(claims) if self.acr else ()
        if not self._satisfies(held, shape):
            yield f"{shape.acr_claim} is not one that the view asks for" if held else f"{shape.acr_claim} is absent"

    def _about_age(self, claims: Mapping[str, Any], shape: LoginShape, now: float) -> Iterable[str]:
        if self.max_age is None:
            return
        name, since = shape.auth_time_claim, shape.auth_time(claims)
        if since is None:
            yield f"{name} is absent"
        elif since - shape.leeway > now:
            # Nobody has logged in yet at that time.
            yield f"{name} lies ahead (is the clock of this machine right?)"
        elif now > since + self.max_age + shape.leeway:
            yield f"{name} is more than {self.max_age} s ago"


def acr_names(acr: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return ``acr`` values of which one is enough. One text is one value. An empty list is refused.

    The challenge quotes them with spaces between them (RFC 9470 §3), so they are written in the characters of scopes.
    """
    if acr is None:
        return ()
    names: tuple[Any, ...] = (acr,) if isinstance(acr, str) else tuple(acr)
    if not names or not all(map(is_scope_token, names)):
        raise TypeError(
            "acr values are printable ASCII without spaces, quotes and backslashes: one text, or a list of which one "
            "is enough."
        )
    return tuple(dict.fromkeys(names))


def check_max_age(max_age: object) -> None:
    """Refuse an age that is no whole number of seconds, or that no request could meet."""
    if max_age is None:
        return
    if isinstance(max_age, bool) or not isinstance(max_age, int) or not 1 <= max_age <= LONGEST_AGE:
        raise TypeError(f"require_jwt takes a whole number of seconds as max_age, from 1 to {LONGEST_AGE}.")
