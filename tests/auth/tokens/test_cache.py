"""Verified tokens that are remembered: never a different answer, never more than was asked for."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from auth import AccessToken, KeySource, errors
from auth.access_token import Claims
from auth.errors import AuthError, KeysUnavailableError
from auth.keys import StaticKeys, VerificationKey, generation_of
from auth.settings.service import AuthConfig
from auth.tokens.cache import TokenCache
from auth.tokens.claims import check_times
from auth.tokens.issuer import TrustedIssuer
from auth.tokens.verifier import TokenVerifier
from tests.auth.services import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    NOW,
    SECRET,
    SETTINGS,
    compact,
    with_claims,
    with_header,
)

OTHER_ISSUER = "https://other.example"


class ChangingKeys:
    """A key source whose keys are replaced and withdrawn by a test, and which counts how often it is asked."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: str | None) -> None:
        self.change(secret)
        self.asked = 0

    def change(self, secret: str | None) -> None:
        """Publish one secret instead of the last one; None: nothing can be had."""
        self.secret = secret
        self._keys = None if secret is None else StaticKeys([VerificationKey.from_secret(secret)])

    def generation(self) -> object | None:
        return self._keys

    def keys_for(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        self.asked += 1
        if self._keys is None:
            raise KeysUnavailableError("the test has taken them away", retry_after=1)
        return iter(self._keys.keys_for(algorithm, key_id))

    def ready(self) -> bool:
        return self._keys is not None


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


def remembering(keys: KeySource, *, size: int = 10, clock: Clock | None = None, **changes: Any) -> TokenVerifier:
    """Return a verifier of one issuer that remembers tokens."""
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, **changes}, keys=keys)
    return TokenVerifier(config.issuers, max_token_bytes=8192, cache_size=size, clock=clock or Clock())


def answer_of(verifier: TokenVerifier, encoded: str) -> object:
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


def test_a_source_that_does_not_say_whether_its_keys_change_is_asked_each_time() -> None:
    """Key sources of others may know nothing of generations."""

    class Plain:
        algorithms = frozenset({"HS256"})
        asked = 0

        def keys_for(self, _algorithm: str, _key_id: str | None) -> list[VerificationKey]:
            self.asked += 1
            return [VerificationKey.from_secret(SECRET)]

        def ready(self) -> bool:
            return True

    keys = Plain()
    verifier = remembering(keys)

    assert verifier.verify(compact()) == verifier.verify(compact())
    assert keys.asked == 2
    assert generation_of(keys)() is None


class Revocable(StaticKeys):
    """Takes ``generation`` from its base and says something else about keys."""

    is_revoked = False

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        return [] if self.is_revoked else list(super().keys_for(algorithm, key_id))


class Delegating:
    """Hands on to another source whatever it does not do itself."""

    is_revoked = False

    def __init__(self, inner: StaticKeys) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        return [] if self.is_revoked else list(self._inner.keys_for(algorithm, key_id))


def patched() -> Any:
    """Return a source one of whose methods has been replaced on the object."""
    keys: Any = StaticKeys([VerificationKey.from_secret(SECRET)])
    inner = keys.keys_for
    keys.is_revoked = False
    keys.keys_for = lambda *asked: [] if keys.is_revoked else inner(*asked)
    return keys


@pytest.mark.parametrize(
    "keys",
    [
        Revocable([VerificationKey.from_secret(SECRET)]),
        Delegating(StaticKeys([VerificationKey.from_secret(SECRET)])),
        patched(),
    ],
    ids=["a derived class", "a wrapper", "a patch"],
)
def test_a_generation_does_not_speak_for_whoever_replaces_the_keys(keys: Any) -> None:
    """Or a token would outlive the key that somebody takes away."""
    verifier = remembering(keys)
    assert verifier.verify(compact())

    keys.is_revoked = True

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(compact())


def test_a_derived_class_that_takes_other_keys_by_its_bases_constructor_has_another_generation() -> None:
    """The obvious way to read keys anew."""
    keys = StaticKeys([VerificationKey.from_secret(SECRET)])
    verifier = remembering(keys)
    assert verifier.verify(compact()) is verifier.verify(compact())

    StaticKeys.__init__(keys, [VerificationKey.from_secret("another-secret-of-thirty-two-bytes!!")])

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(compact())


def test_a_generation_of_a_sibling_does_not_speak_for_the_keys() -> None:
    """Only its own class's, or those of one above."""

    class Speaking(StaticKeys):
        def generation(self) -> object:
            return "speaking"

    class Both(Speaking, Revocable):
        """Its keys are Revocable's."""

    class Neither(Revocable):
        __slots__ = ("generation",)

    class Offers(ABC):  # noqa: B024 - others are registered with it
        def keys_for(self, _algorithm: str, _key_id: str | None) -> list[VerificationKey]:
            return []

    class Registered(Speaking, Offers):
        keys_for = Offers.keys_for  # type: ignore[assignment]  # of a class that is no relative, which is the point

    class Derived(KeySource):
        def __init__(self) -> None:
            self.keys_for = StaticKeys([]).keys_for  # type: ignore[method-assign]  # hands on to another

        def generation(self) -> object:
            return self

        def ready(self) -> bool:
            return True

    Offers.register(Speaking)
    keys = [VerificationKey.from_secret(SECRET)]
    assert generation_of(Both(keys))() is None
    assert generation_of(Neither(keys))() is None
    assert generation_of(Registered(keys))() is None
    derived: Any = Derived
    assert generation_of(derived())() is None


def test_a_derived_class_that_says_its_own_generation_is_believed() -> None:
    """It knows what it does."""

    class Own(Revocable):
        def generation(self) -> object:
            return self.is_revoked

    keys = Own([VerificationKey.from_secret(SECRET)])
    verifier = remembering(keys)
    assert verifier.verify(compact()) is verifier.verify(compact())

    keys.is_revoked = True

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(compact())


def test_what_is_called_generation_and_cannot_be_asked_says_nothing() -> None:
    """A field of some source may have that name by chance."""
    keys = StaticKeys([VerificationKey.from_secret(SECRET)])
    keys.generation = object  # type: ignore[method-assign]  # put there afterwards, which does not count
    assert generation_of(keys)() is None
    keys.generation = 1  # type: ignore[method-assign,assignment]  # on purpose

    assert generation_of(keys)() is None


def test_a_token_that_is_refused_by_its_algorithm_asks_nobody_about_keys() -> None:
    """A stranger must not make a service contact its issuer with that."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    verifier._cache._generations[ISSUER] = pytest.fail

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(with_header(alg="RS256"))


def test_without_a_size_nobody_is_asked_for_generations() -> None:
    """There is nothing to be found with the answer."""
    verifier = remembering(ChangingKeys(SECRET), size=0)
    verifier._cache._generations[ISSUER] = pytest.fail

    assert verifier.verify(compact())


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
    """At the very next request, and all that is remembered goes."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    tokens = [with_claims(jti=str(number)) for number in range(5)]
    for token in tokens:
        assert verifier.verify(token)

    keys.change("another-secret-of-thirty-two-bytes!!")

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(tokens[0])
    assert len(verifier._cache) == 0


def test_nothing_is_found_while_the_keys_cannot_be_had_and_nothing_is_lost() -> None:
    """Whoever cannot verify a token says so for remembered ones too; afterwards the same keys are the same keys."""
    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    token = verifier.verify(compact())
    held = keys._keys

    keys._keys = None
    with pytest.raises(KeysUnavailableError):
        verifier.verify(compact())
    keys._keys = held

    assert verifier.verify(compact()) is token


def test_a_token_whose_keys_change_while_it_is_verified_is_not_remembered() -> None:
    """Nobody could say of which keys it is."""

    class Turning(ChangingKeys):
        generation = ChangingKeys.generation

        def keys_for(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
            found = super().keys_for(algorithm, key_id)
            self.change(SECRET)
            return found

    verifier = remembering(Turning(SECRET))

    assert verifier.verify(compact()).user_id == "alice"
    assert len(verifier._cache) == 0


def test_other_keys_of_one_issuer_are_nothing_to_the_others() -> None:
    """Whoever makes one issuer's keys change cannot make a service verify everybody anew."""
    keys = {name: ChangingKeys(SECRET) for name in ISSUERS}
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}, keys=keys[ISSUER])
    one = config.issuers[0]
    issuers = [one, replace(one, names=(OTHER_ISSUER,), keys=keys[OTHER_ISSUER])]
    verifier = TokenVerifier(issuers, max_token_bytes=8192, cache_size=10, clock=Clock())
    token = verifier.verify(compact())
    verifier.verify(with_claims(iss=OTHER_ISSUER))

    keys[OTHER_ISSUER].change(SECRET)
    verifier.verify(with_claims(iss=OTHER_ISSUER, sub="bob"))

    assert verifier.verify(compact()) is token
    assert len(verifier._cache) == 2


def test_a_cache_that_another_thread_changes_is_emptied_all_the_same() -> None:
    """Of all issuers, then: nobody waits for anybody."""

    class Changing(OrderedDict[bytes, Any]):
        def items(self) -> Any:
            raise RuntimeError("OrderedDict mutated during iteration")

    keys = ChangingKeys(SECRET)
    verifier = remembering(keys)
    verifier.verify(compact())
    verifier._cache._entries = Changing(verifier._cache._entries)

    keys.change("another-secret-of-thirty-two-bytes!!")

    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(compact())
    assert len(verifier._cache) == 0


def token_of(number: int) -> AccessToken:
    return AccessToken(
        user_id=str(number), issuer=None, scopes=frozenset(), roles=frozenset(), claims=Claims(sub=str(number))
    )


def cache_of(size: int) -> TokenCache:
    """Return a cache under keys that never change."""
    keys = StaticKeys([VerificationKey.from_secret(SECRET)])
    return TokenCache(size, {None: keys.generation})


def keep(cache: TokenCache, number: int) -> None:
    cache.keep(cache.digest(str(number)), token_of(number), None, cache.generation(None))


def full_and_in_use(size: int) -> TokenCache:
    """Return a cache without room, each of whose tokens has been asked for."""
    cache = cache_of(size)
    for number in range(size):
        keep(cache, number)
        cache.find(cache.digest(str(number)), NOW)
    return cache


def held_in(cache: TokenCache, numbers: range) -> list[int]:
    return [number for number in numbers if cache.digest(str(number)) in cache._entries]


def test_the_oldest_goes_first() -> None:
    """One for each that comes."""
    cache = cache_of(3)

    for number in range(5):
        keep(cache, number)

    assert held_in(cache, range(5)) == [2, 3, 4]


def test_what_is_in_use_stays() -> None:
    """A flood of tokens that come once does not drive out the one that comes all the time."""
    cache = cache_of(4)
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
    assert cache_of(1).digest("x.y.z") == hashlib.blake2b(b"x.y.z", digest_size=32).digest()


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
    cache = cache_of(2)

    for _ in range(3):
        keep(cache, 1)

    assert len(cache) == 1


def test_a_cache_that_another_thread_has_emptied_makes_no_room() -> None:
    """Between the look at its size and the removal."""
    cache = cache_of(1)

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
            TokenVerifier(issuers, max_token_bytes=8192, cache_size=remembered, clock=self.clock)
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

    @rule(seconds=st.sampled_from([-20, -5, -1, 0.5, 1, 5, 20]))
    def step(self, seconds: float) -> None:
        """Let time pass, or a clock be set back."""
        self.clock.now += seconds

    @rule(issuer=st.sampled_from(ISSUERS), secret=st.sampled_from([*SECRETS, None]))
    def rotate(self, issuer: str, secret: str | None) -> None:
        """Publish another key in place of the last one, or let none be had."""
        self.keys[issuer].change(secret)

    @invariant()
    def is_bounded(self) -> None:
        """Never more tokens than asked for."""
        assert len(self.cached._cache) <= self.size


CachedAndUncached.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
test_for_every_sequence_both_say_the_same = CachedAndUncached.TestCase
