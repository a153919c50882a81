"""What ``flask auth check`` finds out: whether tokens of each issuer can be verified right now, and if not, why.

Asks each issuer once over the network. Does not touch the keys of the running service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..keys import FetchError, KeySource, RemoteKeySettings, RemoteKeySource, Snapshot
from ..keys.remote.schedule import DATE_IMPRECISION
from ..tokens.issuer import TrustedIssuer


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about an issuer, in a sentence."""

    sentence: str
    #: Whether tokens will be refused because of it.
    is_problem: bool = False


def check_issuer(issuer: TrustedIssuer, now: Callable[[], float]) -> Iterator[Finding]:
    """Yield the findings about an issuer; ``now`` returns seconds since the epoch."""
    if not isinstance(issuer.keys, RemoteKeySource):
        yield _check_given_keys(issuer.keys)
        return
    for remark in issuer.keys.remarks():
        yield Finding(remark)
    try:
        fetched = issuer.keys.fetch_now()
    except FetchError as error:
        yield Finding(f"The keys cannot be fetched: {error}. {error.advice}".rstrip(), is_problem=True)
        return
    at = now()
    yield from _check_fetched_keys(fetched, issuer, issuer.keys.settings)
    yield from _check_clock(fetched, issuer.leeway, at)


def _check_given_keys(source: KeySource) -> Finding:
    status = source.status()
    if not status.ready:
        return Finding(
            f"There are no usable keys: {status.last_error or 'the key source is not ready'}.", is_problem=True
        )
    return Finding("Keys given at start" + (f": {status.keys}." if status.keys is not None else "."))


def _check_fetched_keys(fetched: Snapshot, issuer: TrustedIssuer, settings: RemoteKeySettings) -> Iterator[Finding]:
    ring, dropped = fetched.ring, fetched.key_set.dropped
    accepted = [key for key in ring.keys if key.algorithms & issuer.algorithms]
    yield Finding(f"{fetched.url} answers with {len(ring.keys)} usable of {len(ring.keys) + len(dropped)} keys.")
    for entry in dropped:
        yield Finding(f"Ignored: {entry}.")
    if not ring.keys:
        # An idle issuer may make its first key when it needs one. If it has keys and all are unusable, it is a problem.
        yield Finding("No token can be verified until the issuer publishes a usable key.", is_problem=bool(dropped))
        kept_for = settings.stale_limit if dropped else settings.max_age
        yield Finding(f"A running service verifies with the last usable keys for {kept_for:g} s after it fetched them.")
    elif not accepted:
        yield Finding(
            f"None of these keys is for an accepted algorithm: they are for {_listed(ring.algorithms)}, accepted are "
            f"{_listed(issuer.algorithms)}. Correct the setting of the accepted algorithms.",
            is_problem=True,
        )
    else:
        algorithms = frozenset().union(*(key.algorithms for key in accepted)) & issuer.algorithms
        yield Finding(f"Accepted algorithms with a key: {_listed(algorithms)}.")


def _check_clock(fetched: Snapshot, leeway: float, now: float) -> Iterator[Finding]:
    if fetched.date is None:
        yield Finding("The issuer does not show its clock (no Date header).")
        return
    difference = fetched.date - now
    if abs(difference) <= DATE_IMPRECISION:
        yield Finding("The clocks agree.")
        return
    relation = "ahead of" if difference > 0 else "behind"
    sentence = f"The clock of the issuer is {abs(difference):.0f} s {relation} ours; the leeway forgives {leeway:g} s."
    yield Finding(sentence, is_problem=abs(difference) > leeway + DATE_IMPRECISION)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
