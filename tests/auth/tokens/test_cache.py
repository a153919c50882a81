"""Verified tokens that are remembered: never a different answer, never more than was asked for."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from auth import AccessToken, KeySource, errors
from auth.access_token import Claims
from auth.authenticator import Authenticator
from auth.errors import AuthError, KeysUnavailableError
from auth.keys import KeyRing, KeyStatus, SimpleKeySource, VerificationKey
from auth.settings.service import AuthConfig
from auth.tokens.cache import TokenCache
from auth.tokens.claims import check_times
from auth.tokens.issuer import TrustedIssuer
from auth.tokens.verifier import Verification
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    NOW,
    SECRET,
    SETTINGS,
    authenticator_of,
    compact,
    with_claims,
    with_header,
)

OTHER_ISSUER = "https://other.example"


def ring_of(secret: str) -> KeyRing:
    return KeyRing((VerificationKey.from_secret(secret),))


class ChangingKeys:
    """A key source whose keys a test replaces and withdraws, and which counts how often it is asked for them."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: str | None) -> None:
        self.change(secret)
        self.asked = 0

    def change(self, secret: str | None) -> None:
        """Publish one secret in place of the last one; None: the keys are unavailable."""
        self.secret = secret
        self.ring = None if secret is None else ring_of(secret)

    def peek(self) -> KeyRing | None:
        return self.ring

    def current(self) -> KeyRing:
        self.asked += 1
        if (ring := self.ring) is None:
            raise KeysUnavailableError("the test has withdrawn the keys", retry_after=1)
        return ring

    def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:
        return None

    def status(self) -> KeyStatus:
        raise AssertionError("no probe comes here")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


def remembering(keys: KeySource, *, size: int = 10, clock: Clock | None = None, **changes: Any) -> Authenticator:
    """Return a verifier of one issuer that remembers tokens."""
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, **changes}, keys=keys)
    return authenticator_of(config.issuers, max_token_bytes=8192, cache_size=size, clock=clock or Clock())


def answer_of(verifier: Authenticator, encoded: str) -> object:
    """Return what a verifier says to a token, refusals included, in a form that can be compared."""
    try:
        return verifier.verify(encoded)
    except AuthError as error:
        return type(error), error.reason


def test_a_token_that_was_verified_is_not_verified_again() -> None:
    """The second request gets the very same object, and no key is asked for."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)

    first, second = verifier.verify(compact()), verifier.verify(compact())

    assert first is second
    assert keys.asked == 1


def test_without_a_size_every_token_is_verified_each_time() -> None:
    """0 turns it off."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys, size=0)

    first, second = verifier.verify(compact()), verifier.verify(compact())

    assert first == second
    assert keys.asked == 2


def test_a_source_that_does_not_say_when_its_keys_change_is_asked_each_time() -> None:
    """A key source of somebody else may have no more than the one method it must have."""

    class Own(SimpleKeySource):
        algorithms = frozenset({"HS256"})
        asked = 0

        def keys_for(self, _algorithm: str, _key_id: str | None) -> list[VerificationKey]:
            self.asked += 1
            return [VerificationKey.from_secret(SECRET)]

    keys = Own()
    verifier = remembering(keys)

    assert verifier.verify(compact()) == verifier.verify(compact())
    assert keys.asked == 2
    assert len(verifier._cache) == 0


class Untouchable(ChangingKeys):
    """A key source that fails the test if it is asked for anything."""

    def peek(self) -> KeyRing | None:
        raise AssertionError("asked for its ring")

    def current(self) -> KeyRing:
        raise AssertionError("asked for its keys")


def test_a_token_that_is_refused_by_its_algorithm_asks_nobody_about_keys() -> None:
    """A stranger must not make a service contact its issuer with that."""
    with pytest.raises(errors.InvalidSignatureError):
        remembering(Untouchable(SECRET)).verify(with_header(alg="RS256"))


def test_without_a_size_nobody_is_asked_whether_the_keys_have_changed() -> None:
    """There is nothing to be found with the answer."""

    class Unpeeked(ChangingKeys):
        peek = Untouchable.peek

    assert remembering(Unpeeked(SECRET), size=0).verify(compact())


@pytest.mark.parametrize(("length", "remembered"), [(4096, 1), (4097, 0)])
def test_long_tokens_are_not_remembered(length: int, remembered: int) -> None:
    """The memory of a full cache has an end: what an issuer puts into a token may be somebody's to choose."""
    verifier = remembering(ChangingKeys(SECRET))
    token = next(
        token
        for padding in range(2700, 2900)
        for header in (HEADER, HEADER | {"cty": "JWT"}, HEADER | {"x": 1})
        if len(token := compact(header, CLAIMS | {"name": "x" * padding})) == length
    )

    first, second = verifier.verify(token), verifier.verify(token)

    assert first == second
    assert (first is second, len(verifier._cache)) == (bool(remembered), remembered)


@pytest.mark.parametrize("seconds", [929.9, 930, 931, -30.1, -30, 0])
def test_a_remembered_token_is_held_against_the_clock(seconds: float) -> None:
    """``exp`` and ``iat`` with the leeway of 30 seconds, to the second, as for a token that was never seen."""
    clock, keys = Clock(), ChangingKeys(SECRET)
    verifier, uncached = remembering(keys, clock=clock), remembering(keys, clock=clock, size=0)
    token = with_claims(iat=NOW, exp=NOW + 900)
    assert verifier.verify(token)

    clock.now += seconds

    assert answer_of(verifier, token) == answer_of(uncached, token)


def test_a_token_that_is_too_old_is_not_remembered_as_good() -> None:
    """AUTH_MAX_TOKEN_AGE counts for remembered tokens as well."""
    clock = Clock()
    verifier = remembering(ChangingKeys(SECRET), clock=clock, AUTH_MAX_TOKEN_AGE=60)
    token = with_claims(iat=NOW, exp=NOW + 900)
    assert verifier.verify(token)

    clock.now += 90

    with pytest.raises(errors.TokenExpiredError):
        verifier.verify(token)


def test_another_spelling_of_a_remembered_token_is_looked_at() -> None:
    """The digest is of the whole text: no other text is answered with it."""
    verifier = remembering(ChangingKeys(SECRET))
    token = compact()
    assert verifier.verify(token)

    for other in (token + "=", token[:-1], token + "A", token.upper(), f" {token}", token.replace(".", "..", 1)):
        with pytest.raises(errors.InvalidTokenError):
            verifier.verify(other)


@pytest.mark.parametrize("text", ["", "é", "\ud800", "x" * 100_000])
def test_what_is_no_token_is_refused_as_ever(text: str) -> None:
    """Whatever it is made of."""
    with pytest.raises(errors.MalformedTokenError):
        remembering(ChangingKeys(SECRET)).verify(text)


def test_a_refused_token_is_not_remembered() -> None:
    """It may be good when the keys are others."""
    keys = ChangingKeys("another-secret-of-thirty-two-bytes!!")
    verifier = remembering(keys)
    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(compact())

    keys.change(SECRET)

    assert verifier.verify(compact()).user_id == "alice"


def test_a_withdrawn_key_takes_its_tokens_with_it() -> None:
    """At the very next request with each of them, even if the key comes back later."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    tokens = [with_claims(jti=str(number)) for number in range(5)]
    remembered = [verifier.verify(token) for token in tokens]

    keys.change("another-secret-of-thirty-two-bytes!!")
    for token in tokens:
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(token)
    keys.change(SECRET)

    anew = [verifier.verify(token) for token in tokens]
    assert anew == remembered
    assert not any(new is old for new, old in zip(anew, remembered, strict=True))


def test_nothing_is_found_while_the_keys_are_unavailable_and_nothing_is_lost() -> None:
    """A token that cannot be verified now is not found either; afterwards the same ring finds it again."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    token = verifier.verify(compact())
    ring = keys.ring

    keys.ring = None
    with pytest.raises(KeysUnavailableError):
        verifier.verify(compact())
    keys.ring = ring

    assert verifier.verify(compact()) is token


def test_a_token_whose_keys_change_while_it_is_verified_is_not_remembered() -> None:
    """Its ring is not the one that the source holds by then, so nothing would ever find it."""

    class Turning(ChangingKeys):
        def current(self) -> KeyRing:
            ring = super().current()
            self.change(SECRET)
            return ring

    verifier = remembering(Turning(SECRET))

    assert verifier.verify(compact()).user_id == "alice"
    assert len(verifier._cache) == 0


def test_a_token_of_a_key_that_came_just_now_is_remembered_with_it() -> None:
    """The ring that verified it is the newer one."""
    newer = ring_of(SECRET)

    class Rotated(ChangingKeys):
        def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:
            self.ring = newer
            return newer

    verifier = remembering(Rotated("another-secret-of-thirty-two-bytes!!"))

    assert verifier.verify(compact()) is verifier.verify(compact())


def test_other_keys_of_one_issuer_are_nothing_to_the_others() -> None:
    """An issuer whose keys change does not make the service verify the tokens of the others again."""
    keys = {name: ChangingKeys(SECRET) for name in ISSUERS}
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}, keys=keys[ISSUER])
    one = config.issuers[0]
    issuers = [one, replace(one, names=(OTHER_ISSUER,), keys=keys[OTHER_ISSUER])]
    verifier = authenticator_of(issuers, max_token_bytes=8192, cache_size=10, clock=Clock())
    token = verifier.verify(compact())
    verifier.verify(with_claims(iss=OTHER_ISSUER))

    keys[OTHER_ISSUER].change(SECRET)
    verifier.verify(with_claims(iss=OTHER_ISSUER, sub="bob"))

    assert verifier.verify(compact()) is token


def token_of(number: int) -> AccessToken:
    return AccessToken(
        user_id=str(number), issuer=None, scopes=frozenset(), roles=frozenset(), claims=Claims(sub=str(number))
    )


#: Keys that never change.
KEYS = ChangingKeys(SECRET)


def keep(cache: TokenCache, number: int) -> None:
    cache.keep(cache.digest(str(number)), Verification(token_of(number), KEYS, KEYS.current()))


def full_and_in_use(size: int) -> TokenCache:
    """Return a cache without room, each of whose tokens has been asked for."""
    cache = TokenCache(size)
    for number in range(size):
        keep(cache, number)
        cache.find(cache.digest(str(number)), NOW)
    return cache


def held_in(cache: TokenCache, numbers: range) -> list[int]:
    return [number for number in numbers if cache.digest(str(number)) in cache._entries]


def test_the_oldest_goes_first() -> None:
    """One for each that comes."""
    cache = TokenCache(3)

    for number in range(5):
        keep(cache, number)

    assert held_in(cache, range(5)) == [2, 3, 4]


def test_what_is_in_use_stays() -> None:
    """A flood of tokens that come once does not drive out the one that comes all the time."""
    cache = TokenCache(4)
    keep(cache, 0)

    for number in range(1, 100):
        assert cache.find(cache.digest("0"), NOW) == token_of(0)
        keep(cache, number)
        assert len(cache) <= 4

    assert held_in(cache, range(100)) == [0, 97, 98, 99]


def test_room_is_made_even_where_everything_is_in_use() -> None:
    """After a few looks the next one has to go, whatever it is."""
    cache = full_and_in_use(30)

    keep(cache, 30)

    assert len(cache) == 30
    assert 30 in held_in(cache, range(31))


def test_what_was_used_once_long_ago_goes() -> None:
    """A second chance is one, and is given to a few for each token that comes."""
    cache = full_and_in_use(20)

    keep(cache, 20)
    spared = [entry.is_used for entry in cache._entries.values()]
    for number in range(21, 60):
        keep(cache, number)

    assert spared.count(False) == 9
    assert held_in(cache, range(60)) == list(range(40, 60))


def test_a_token_is_remembered_under_a_digest_that_nobody_meets_by_chance() -> None:
    """256 bits of the whole text."""
    assert TokenCache(1).digest("x.y.z") == hashlib.blake2b(b"x.y.z", digest_size=32).digest()


#: Seconds beside now, close enough to meet every boundary.
NEAR = st.integers(-12, 12)


@given(
    times=st.fixed_dictionaries({}, optional=dict.fromkeys(("exp", "nbf", "iat"), NEAR)),
    now=NEAR | st.floats(-12, 12),
    leeway=st.integers(0, 5),
    max_age=st.none() | st.integers(1, 10),
)
def test_a_lifetime_is_the_time_in_which_a_token_passes(
    times: dict[str, int], now: float, leeway: int, max_age: int | None
) -> None:
    """To the instant, whatever claims there are."""
    issuer = replace(verifier_config(), leeway=leeway, max_token_age=max_age)
    now_passes = passes(times, issuer, now)
    seconds = [second / 2 for second in range(-60, 60)]
    accepted = [second for second in seconds if passes(times, issuer, second)]

    if now_passes:
        begins, ends = check_times(times, issuer, now)
        assert begins <= now < ends
        assert accepted == [second for second in seconds if begins <= second < ends]
    else:
        assert now not in accepted


def passes(times: dict[str, int], issuer: TrustedIssuer, now: float) -> bool:
    """Tell whether the clock lets a token with these times pass."""
    try:
        check_times(times, issuer, now)
    except AuthError:
        return False
    return True


def verifier_config() -> TrustedIssuer:
    return AuthConfig.from_mapping(SETTINGS).issuers[0]


def test_the_same_token_again_takes_no_more_room() -> None:
    """Two threads may verify it side by side."""
    cache = TokenCache(2)

    for _ in range(3):
        keep(cache, 1)

    assert len(cache) == 1


def test_a_cache_that_another_thread_has_emptied_makes_no_room() -> None:
    """Between the look at its size and the removal."""
    cache = TokenCache(1)

    cache._make_room()

    assert len(cache) == 0


def test_many_threads_get_their_own_token_each() -> None:
    """With a cache far too small for them, and keys that change all the time."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys, size=3)
    tokens = {f"user{number}": with_claims(sub=f"user{number}") for number in range(8)}
    wrong: list[object] = []

    def work(user_id: str) -> None:
        for _ in range(300):
            token = answer_of(verifier, tokens[user_id])
            if not isinstance(token, AccessToken) or token.user_id != user_id:
                wrong.append(token)

    threads = [threading.Thread(target=work, args=(user_id,)) for user_id in tokens]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        keys.change(SECRET)
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(verifier._cache) <= 3 + len(threads)


SECRETS = [f"secret-number-{number}-of-thirty-two-bytes" for number in range(3)]
ISSUERS = [ISSUER, OTHER_ISSUER]


class CachedAndUncached(RuleBasedStateMachine):
    """Two verifiers of the same two issuers, clock and keys, of which one remembers: both always say the same."""

    tokens = Bundle("tokens")

    @initialize(size=st.integers(1, 4), max_age=st.sampled_from([None, 20]), leeway=st.sampled_from([0, 5]))
    def begin(self, size: int, max_age: int | None, leeway: int) -> None:
        """Make both."""
        self.clock = Clock()
        self.keys = {name: ChangingKeys(secret) for name, secret in zip(ISSUERS, SECRETS, strict=False)}
        one = AuthConfig.from_mapping(
            {
                "AUTH_ISSUER": ISSUER,
                "AUTH_AUDIENCE": AUDIENCE,
                "AUTH_REQUIRED_CLAIMS": [],
                "AUTH_MAX_TOKEN_AGE": max_age,
                "AUTH_LEEWAY": leeway,
            },
            keys=self.keys[ISSUER],
        ).issuers[0]
        issuers = [one, replace(one, names=(OTHER_ISSUER,), keys=self.keys[OTHER_ISSUER], user_prefix="other:")]
        self.size = size
        self.cached, self.uncached = (
            authenticator_of(issuers, max_token_bytes=8192, cache_size=remembered, clock=self.clock)
            for remembered in (size, 0)
        )

    @rule(
        target=tokens,
        issuer=st.sampled_from(ISSUERS),
        secret=st.sampled_from(SECRETS),
        user=st.sampled_from(["alice", "bob"]),
        times=st.fixed_dictionaries({}, optional={name: st.integers(-30, 30) for name in ("exp", "nbf", "iat")}),
    )
    def issue(self, issuer: str, secret: str, user: str, times: dict[str, int]) -> str:
        """Sign a token with one of the secrets, whether it counts at the moment or not."""
        now = {name: self.clock.now + seconds for name, seconds in times.items()}
        return jwt.encode({"iss": issuer, "aud": AUDIENCE, "sub": user, **now}, secret, "HS256")

    @rule(encoded=tokens)
    def show(self, encoded: str) -> None:
        """Show one that was issued some time ago, or just now, to both."""
        assert answer_of(self.cached, encoded) == answer_of(self.uncached, encoded)

    @rule(issuer=st.sampled_from(ISSUERS))
    def show_a_good_one(self, issuer: str) -> None:
        """Show one that both accept as long as there are keys."""
        keys = self.keys[issuer]
        claims = {"iss": issuer, "aud": AUDIENCE, "sub": "carol", "iat": self.clock.now, "exp": self.clock.now + 10}
        self.show(jwt.encode(claims, keys.secret or SECRET, "HS256"))

    @rule(issuer=st.sampled_from(ISSUERS))
    def refresh(self, issuer: str) -> None:
        """Publish the same key again, as another ring."""
        self.keys[issuer].change(self.keys[issuer].secret)

    @rule(seconds=st.sampled_from([-20, -5, -1, 0.5, 1, 5, 20]))
    def step(self, seconds: float) -> None:
        """Let time pass, or a clock be set back."""
        self.clock.now += seconds

    @rule(issuer=st.sampled_from(ISSUERS), secret=st.sampled_from([*SECRETS, None]))
    def rotate(self, issuer: str, secret: str | None) -> None:
        """Publish another key in place of the last one, or make the keys unavailable."""
        self.keys[issuer].change(secret)

    @invariant()
    def is_bounded(self) -> None:
        """Never more tokens than asked for."""
        assert len(self.cached._cache) <= self.size


CachedAndUncached.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
test_for_every_sequence_both_say_the_same = CachedAndUncached.TestCase
