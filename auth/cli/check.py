"""What ``flask auth check`` finds out: whether tokens of each issuer could be verified right now, and if not, why.

Asks the issuers over the network, in the foreground and once; changes nothing of what the running service holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..keys import FetchedKeys, FetchError, KeySource, RemoteKeySet, status_of
from ..tokens.issuer import TrustedIssuer

#: Seconds by which clocks seem to differ for want of precision: a Date header has whole seconds and takes its time.
_IMPRECISION = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out about an issuer, in a sentence."""

    sentence: str
    #: Whether tokens will be refused because of it.
    is_problem: bool = False


def check_issuer(issuer: TrustedIssuer, now: Callable[[], float]) -> Iterator[Finding]:
    """Yield what there is to say about an issuer; ``now`` returns seconds since the epoch."""
    if not isinstance(issuer.keys, RemoteKeySet):
        yield _check_held_keys(issuer.keys)
        return
    try:
        fetched = issuer.keys.fetch_now()
    except FetchError as error:
        yield Finding(f"The keys cannot be fetched: {error}.", is_problem=True)
        return
    at = now()
    yield from _check_fetched_keys(fetched, issuer)
    yield from _check_clock(fetched, issuer.leeway, at)


def _check_held_keys(keys: KeySource) -> Finding:
    status = status_of(keys)
    if not status.ready:
        return Finding(
            f"There are no usable keys: {status.last_error or 'the key source is not ready'}.", is_problem=True
        )
    return Finding("Keys that were given at start" + (f": {status.keys}." if status.keys is not None else "."))


def _check_fetched_keys(fetched: FetchedKeys, issuer: TrustedIssuer) -> Iterator[Finding]:
    keys = fetched.keys
    accepted = [key for key in keys.keys if key.algorithms & issuer.algorithms]
    yield Finding(f"{fetched.url} answers with {len(keys.keys)} usable of {len(keys.keys) + len(keys.dropped)} keys.")
    for dropped in keys.dropped:
        yield Finding(f"Left out: {dropped}.")
    if not keys.keys:
        # An idle issuer may make its first key when it needs one; keys that are all left out are another matter.
        yield Finding(
            "No token can be verified until the issuer publishes a usable key.", is_problem=bool(keys.dropped)
        )
    elif not accepted:
        yield Finding(
            f"None of these keys is for an accepted algorithm: they are for {_listed(keys.algorithms)}, accepted are "
            f"{_listed(issuer.algorithms)}. Correct the setting of the accepted algorithms.",
            is_problem=True,
        )
    else:
        algorithms = frozenset().union(*(key.algorithms for key in accepted)) & issuer.algorithms
        yield Finding(f"Accepted algorithms with a key: {_listed(algorithms)}.")


def _check_clock(fetched: FetchedKeys, leeway: float, now: float) -> Iterator[Finding]:
    if fetched.date is None:
        yield Finding("The issuer does not show its clock (no Date header).")
        return
    difference = fetched.date - now
    if abs(difference) <= _IMPRECISION:
        yield Finding("The clocks agree.")
        return
    relation = "ahead of" if difference > 0 else "behind"
    sentence = f"The clock of the issuer is {abs(difference):.0f} s {relation} ours; the leeway forgives {leeway:g} s."
    yield Finding(sentence, is_problem=abs(difference) > leeway + _IMPRECISION)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
