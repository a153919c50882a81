"""Which tokens are revoked, and what happens while nobody can tell."""

from __future__ import annotations

import logging
import math
import os
import threading
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.authenticator import RevocationAuthenticator
from auth.errors import (
    DenylistUnavailableError,
    InvalidSignatureError,
    InvalidTypeError,
    MalformedTokenError,
    MissingTokenError,
    TokenExpiredError,
    TokenNotYetValidError,
    TokenRevokedError,
)
from auth.revocation.denylist import Denylist
from auth.revocation.revocations import DenylistStatus, Revocations
from auth.settings.service import AuthConfig
from auth.stores import Entry, MemoryStore, StoreBusyError, StoreUnavailableError
from auth.tokens.verifier import TokenVerifier
from tests.support.services import CLAIMS, ISSUER, NOW, SETTINGS, compact, segment, with_claims, with_header

#: SEC 2 §2.4.2.
_ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

OTHER_NAME = "https://login.example.com"
DAY = 86_400


class Clock:
    """Seconds since the epoch that a test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


class BrokenStore:
    """A denylist that raises an error, or returns something else than it should, while it is told to."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.error: Exception | None = None
        self.answer: Any = None

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error

    def remember(self, entries: Mapping[str, Entry]) -> None:
        self._fail()
        self.store.remember(entries)

    def values(self, keys: Sequence[str]) -> Sequence[float | None]:
        self._fail()
        return self.store.values(keys) if self.answer is None else self.answer

    def add_once(self, key: str, until: float) -> bool:
        self._fail()
        return self.store.add_once(key, until)


class Service:
    """What decides who is calling, with a denylist in memory that a test may break."""

    def __init__(self, *, refuses: bool = True, keep: float = DAY, **settings: Any) -> None:
        self.clock = Clock()
        config = AuthConfig.from_mapping(SETTINGS | settings)
        self.store = BrokenStore(MemoryStore(clock=self.clock, steady=self.clock))
        self.revocations = Revocations(self.store, config.issuers, refuses=refuses, keep=keep, clock=self.clock)
        verifier = TokenVerifier(config.issuers, max_token_bytes=8192, clock=self.clock)
        self.authenticator = RevocationAuthenticator(verifier, self.revocations, cache_size=10, clock=self.clock)

    def refusal(self, token: str) -> str | None:
        """Return why a token is refused as revoked; None if it is accepted. Both ways to bring it say the same."""
        answers = set()
        for _ in range(2):  # verified, and remembered
            answers.add(self._refusal_of(lambda: self.authenticator.authenticate_field(f"Bearer {token}")))
            answers.add(self._refusal_of(lambda: self.authenticator.authenticate_field(f"bearer  {token}")))
            answers.add(self._refusal_of(lambda: self.authenticator.verify(token)))
        (answer,) = answers
        return answer

    def _refusal_of(self, ask: Any) -> str | None:
        try:
            ask()
        except (TokenRevokedError, DenylistUnavailableError) as error:
            return error.reason
        return None


def test_a_token_is_revoked_by_its_id() -> None:
    """And no other one."""
    service = Service()
    first, second = with_claims(jti="1"), with_claims(jti="2")
    service.authenticator.revoke(first)

    assert service.refusal(first) == "the token is on the denylist"
    assert service.refusal(second) is None


def test_a_token_without_an_id_is_revoked_by_header_and_payload() -> None:
    """And no other one of the same user."""
    service = Service()
    token, other = compact(), with_claims(exp=NOW + 901)
    service.authenticator.revoke(token)

    assert service.refusal(token) == "the token is on the denylist"
    assert service.refusal(other) is None


def test_another_signature_under_the_same_payload_is_revoked_as_well() -> None:
    """Anybody can make one of an ECDSA signature: ``s`` and the order of the curve less ``s`` are both good."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    service = Service(AUTH_SECRET=None, AUTH_PUBLIC_KEY=pem)
    token = jwt.encode(CLAIMS, key, algorithm="ES256")
    signing_input, _, signature = token.rpartition(".")
    raw = urlsafe_b64decode(signature + "==")
    other = raw[:32] + (_ORDER_OF_P256 - int.from_bytes(raw[32:])).to_bytes(32)
    twin = f"{signing_input}.{segment(other)}"
    before = service.refusal(twin)
    service.authenticator.revoke(token)

    assert twin != token
    assert before is None
    assert service.refusal(twin) == "the token is on the denylist"


@pytest.mark.parametrize("claims", [{"jti": ""}, {"jti": None}])
def test_an_empty_id_is_none(claims: dict[str, Any]) -> None:
    """Or all tokens with an empty one were revoked together."""
    service = Service()
    token, other = with_claims(**claims), with_claims(**claims, exp=NOW + 901)
    service.authenticator.revoke(token)

    assert service.refusal(token) == "the token is on the denylist"
    assert service.refusal(other) is None


def test_the_same_id_of_another_issuer_is_another_token() -> None:
    """Issuers count for themselves."""
    entries = [
        {"issuer": ISSUER, "secret": SETTINGS["AUTH_SECRET"], "user_prefix": "a:"},
        {"issuer": OTHER_NAME, "secret": "x" + SETTINGS["AUTH_SECRET"], "user_prefix": "b:"},
    ]
    service = Service(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_ISSUERS=entries)
    token = with_claims(jti="1", sid="s")
    claims = {"iss": OTHER_NAME, "aud": SETTINGS["AUTH_AUDIENCE"], "sub": "alice", "iat": NOW, "exp": NOW + 900}
    other = compact(claims=claims | {"jti": "1", "sid": "s"}, secret="x" + SETTINGS["AUTH_SECRET"])
    service.authenticator.revoke(token)
    service.revocations.revoke_session(ISSUER, "s")
    service.revocations.revoke_user("a:alice")

    assert service.refusal(token) == "the token is on the denylist"
    assert service.refusal(other) is None


def test_what_is_revoked_under_one_name_of_an_issuer_is_revoked_under_all() -> None:
    """A custom domain beside the old one is the same issuer."""
    service = Service(AUTH_ISSUER=[ISSUER, OTHER_NAME])
    service.authenticator.revoke(with_claims(jti="1"))
    service.revocations.revoke_session(OTHER_NAME, "s")

    assert service.refusal(with_claims(jti="1", iss=OTHER_NAME)) == "the token is on the denylist"
    assert service.refusal(with_claims(sid="s")) == "its session is on the denylist"


@pytest.mark.parametrize("names", [[OTHER_NAME, ISSUER], [ISSUER, OTHER_NAME], ISSUER])
def test_other_names_of_an_issuer_accept_nothing_again(names: Any) -> None:
    """A new name is put first, or an old one is taken away: the same entries are found."""
    before, after = Service(AUTH_ISSUER=[ISSUER, "https://old.example"]), Service(AUTH_ISSUER=names)
    after.store.store = before.store.store
    before.authenticator.revoke(with_claims(jti="1"))
    before.revocations.revoke_session("https://old.example", "s")

    assert after.refusal(with_claims(jti="1")) == "the token is on the denylist"
    assert after.refusal(with_claims(sid="s")) == "its session is on the denylist"


def test_a_service_that_accepts_any_issuer_revokes_for_any() -> None:
    """There is one, whatever it calls itself."""
    service = Service(AUTH_ISSUER=None)
    token = with_claims(jti="1", iss=...)
    service.authenticator.revoke(token)
    service.revocations.revoke_session("", "s")

    assert service.refusal(token) == "the token is on the denylist"
    assert service.refusal(with_claims(jti="1", iss="https://any.example")) == "the token is on the denylist"
    assert service.refusal(with_claims(sid="s")) == "its session is on the denylist"


def test_a_session_is_revoked_with_all_its_tokens() -> None:
    """Those that it gets later, too; others are left alone."""
    service = Service()
    service.revocations.revoke_session(ISSUER, "s")
    service.clock.now += 100

    assert service.refusal(with_claims(sid="s")) == "its session is on the denylist"
    assert service.refusal(with_claims(sid="s", iat=NOW + 90)) == "its session is on the denylist"
    assert service.refusal(with_claims(sid="t")) is None
    assert service.refusal(with_claims(sid=None)) is None
    assert service.refusal(with_claims(sid="")) is None


@pytest.mark.parametrize("session", [123, ["s"], True, {}, 0])
@pytest.mark.parametrize("refuses", [True, False])
def test_a_session_that_is_no_text_is_malformed(session: object, refuses: bool) -> None:
    """It could not be revoked by its name."""
    service = Service(refuses=refuses)
    service.revocations.revoke_session(ISSUER, "123")

    with pytest.raises(MalformedTokenError, match="sid has the wrong type"):
        service.authenticator.verify(with_claims(sid=session))


@pytest.mark.parametrize(
    ("issued", "reason"),
    [
        (NOW - 100, "issued before its user's tokens were revoked"),
        (NOW, "issued before its user's tokens were revoked"),
        (NOW + 0.9, "issued before its user's tokens were revoked"),
        (NOW + 1, None),
        (..., "its user's tokens were revoked, and it does not say when it was issued (iat)"),
        (None, "its user's tokens were revoked, and it does not say when it was issued (iat)"),
    ],
)
def test_a_user_is_revoked_until_the_second_of_the_revocation(issued: Any, reason: str | None) -> None:
    """That second included; what comes later is good."""
    service = Service(AUTH_REQUIRED_CLAIMS=["exp"])
    service.clock.now = NOW + 0.5
    service.revocations.revoke_user("alice")
    service.clock.now = NOW + 2

    assert service.refusal(with_claims(iat=issued)) == reason
    assert service.refusal(with_claims(iat=issued, sub="bob")) is None


def test_a_user_may_be_revoked_until_another_time() -> None:
    """Of several revocations the one that refuses more counts."""
    service = Service()
    service.revocations.revoke_user("alice", NOW - 50)
    service.revocations.revoke_user("alice", NOW - 70)

    assert service.refusal(with_claims(iat=NOW - 60)) == "issued before its user's tokens were revoked"
    assert service.refusal(with_claims(iat=NOW - 50)) == "issued before its user's tokens were revoked"
    assert service.refusal(with_claims(iat=NOW - 49)) is None


@pytest.mark.parametrize("time", [math.inf, -math.inf, math.nan])
def test_a_time_that_is_none_is_refused(time: float) -> None:
    """It would revoke nothing, or everything for ever."""
    with pytest.raises(ValueError, match="not a finite number"):
        Service().revocations.revoke_user("alice", time)


@pytest.mark.parametrize("time", [NOW + DAY + 1, NOW * 1000])
def test_a_time_far_ahead_is_refused(time: float) -> None:
    """Milliseconds would lock the user out for ever, and nothing takes an entry back."""
    service = Service()

    with pytest.raises(ValueError, match="more than a day ahead"):
        service.revocations.revoke_user("alice", time)
    assert service.refusal(compact()) is None


def test_ids_that_name_nobody_are_refused() -> None:
    """An empty one is most likely a mistake."""
    revocations = Service().revocations

    with pytest.raises(ValueError, match="user is not empty"):
        revocations.revoke_user("")
    with pytest.raises(ValueError, match="session is not empty"):
        revocations.revoke_session(ISSUER, "")
    with pytest.raises(ValueError, match=f"The issuer is not one of {ISSUER}"):
        revocations.revoke_session(OTHER_NAME, "s")


@pytest.mark.parametrize(
    ("claims", "settings", "end"),
    [
        ({"exp": NOW + 900}, {"AUTH_LEEWAY": 30}, NOW + 900 + 30 + 660),
        ({"exp": NOW + 900}, {"AUTH_LEEWAY": 30, "AUTH_MAX_TOKEN_AGE": 60}, NOW + 900 + 660),
        ({"exp": ...}, {"AUTH_REQUIRED_CLAIMS": ["iat"], "AUTH_MAX_TOKEN_AGE": 60}, NOW + 3600 + 660),
        ({"exp": ...}, {"AUTH_REQUIRED_CLAIMS": ["iat"], "AUTH_MAX_TOKEN_AGE": 7200}, NOW + 7200 + 30 + 660),
        ({"exp": ...}, {"AUTH_REQUIRED_CLAIMS": ["iat"]}, NOW + 3600 + 660),
    ],
    ids=["exp", "exp after the age", "age", "age beyond what is kept", "none"],
)
def test_a_token_is_kept_until_no_service_accepts_it(
    claims: dict[str, Any], settings: dict[str, Any], end: float
) -> None:
    """Another one with the same denylist may have more leeway, or accept older tokens."""
    service = Service(keep=3600, **settings)
    service.authenticator.revoke(with_claims(jti="1", **claims))
    late = with_claims(jti="1", iat=end - 10, exp=end + 10)

    service.clock.now = end - 1
    assert service.refusal(late) == "the token is on the denylist"
    service.clock.now = end
    assert service.refusal(late) is None


@pytest.mark.parametrize("kind", ["user", "session"])
def test_a_user_and_a_session_are_kept_as_long_as_the_settings_say(kind: str) -> None:
    """From the revocation on, and long enough for the leeway."""
    service = Service(keep=7200, AUTH_LEEWAY=600)
    if kind == "user":
        service.revocations.revoke_user("alice")
    else:
        service.revocations.revoke_session(ISSUER, "s")
    # As long as its end lies 7200 s behind its beginning, no token outlives the revocation.
    token = with_claims(iat=NOW, exp=NOW + 7200, sid="s")

    service.clock.now = NOW + 7200 + 599
    assert service.refusal(token) is not None
    service.clock.now += 1
    with pytest.raises(TokenExpiredError):
        service.refusal(token)


def test_a_revocation_for_a_time_ahead_is_kept_from_that_time_on() -> None:
    """Tokens are still issued until then."""
    service = Service(keep=7200)
    service.revocations.revoke_user("alice", NOW + DAY)

    service.clock.now = NOW + DAY + 7200
    assert service.refusal(with_claims(iat=NOW + DAY, exp=NOW + DAY + 7300)) is not None


def test_a_token_without_an_end_is_revoked_for_the_time_that_others_are() -> None:
    """Settings that allow such tokens stop the start; this is for authenticators that are made by hand."""
    service = Service(AUTH_REQUIRED_CLAIMS=["iat"])
    token = with_claims(exp=..., jti="1")
    service.authenticator.revoke(token)

    assert service.refusal(token) == "the token is on the denylist"


def test_a_token_that_outlives_revocations_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The operator has to say how long tokens live."""
    service = Service(keep=3600)
    service.refusal(with_claims(exp=NOW + 3600))
    assert caplog.messages == []

    service.refusal(with_claims(exp=NOW + DAY))

    assert caplog.messages == [
        "a token is good for 86430 s, and AUTH_DENYLIST_KEEP is 3600: after that time it would be accepted although "
        "its user or session is revoked. Raise AUTH_DENYLIST_KEEP, or set AUTH_MAX_TOKEN_AGE."
    ]


@pytest.mark.parametrize("iat", [..., NOW])
def test_a_token_that_ends_in_time_is_not_warned_of(iat: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With or without ``iat``."""
    Service(AUTH_REQUIRED_CLAIMS=["exp"]).refusal(with_claims(iat=iat))

    assert caplog.messages == []


def test_a_token_that_does_not_say_its_age_is_told_by_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """It is older than nothing, so the rest of its life is what counts."""
    Service(keep=3600, AUTH_REQUIRED_CLAIMS=["exp"]).refusal(with_claims(iat=..., exp=NOW + DAY))

    (message,) = caplog.messages
    assert message.startswith("a token is good for 86430 s, and AUTH_DENYLIST_KEEP is 3600")


def test_only_a_token_of_ours_can_be_revoked() -> None:
    """Strangers do not fill the denylist."""
    service = Service()

    with pytest.raises(InvalidSignatureError):
        service.authenticator.revoke(compact(secret="o" * 48))
    with pytest.raises(TokenExpiredError):
        service.authenticator.revoke(with_claims(exp=NOW - 100))

    assert len(service.store.store) == 0


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_that_is_not_valid_yet_can_be_revoked(claim: str) -> None:
    """It would be accepted later. Every other check holds."""
    service = Service()
    token = with_claims(**{claim: NOW + 600})
    service.authenticator.revoke(token)
    with pytest.raises(TokenNotYetValidError):
        service.authenticator.verify(token)
    with pytest.raises(InvalidTypeError):
        service.authenticator.revoke(with_claims(**{claim: NOW + 600, "cnf": {"jkt": "a"}}))
    with pytest.raises(InvalidSignatureError):
        service.authenticator.revoke(token[:-6] + "AAAAAA")
    service.clock.now += 600

    assert service.refusal(token) == "the token is on the denylist"
    assert service.refusal(with_claims(**{claim: NOW + 599})) is None


def test_a_token_can_be_revoked_twice() -> None:
    """The second time changes nothing."""
    service = Service()
    for _ in range(2):
        service.authenticator.revoke(with_claims(jti="1"))

    assert len(service.store.store) == 1


def test_a_request_without_a_token_asks_nobody() -> None:
    """Nor does one whose token is refused in any case."""
    service = Service()
    service.store.error = AssertionError("asked")

    with pytest.raises(MissingTokenError):
        service.authenticator.authenticate_field(None)
    with pytest.raises(InvalidSignatureError):
        service.authenticator.authenticate_field(f"Bearer {compact(secret='o' * 48)}")


FAULTS: dict[str, tuple[Exception | None, Any, str]] = {
    "outage": (StoreUnavailableError("it cannot be reached"), None, "it cannot be reached"),
    "any error": (KeyError("a secret"), None, "it raised KeyError"),
    "too few": (None, [None], "it does not return a number or None for each key"),
    "too many": (None, [None] * 9, "it does not return a number or None for each key"),
    "nan": (None, [math.nan, None], "it does not return a number or None for each key"),
    "a text": (None, ["yes", None], "it raised ValueError"),
    "nothing": (None, 7, "it raised TypeError"),
}


@pytest.mark.parametrize(("error", "answer", "reason"), FAULTS.values(), ids=FAULTS)
def test_during_an_outage_requests_are_refused(error: Exception | None, answer: Any, reason: str) -> None:
    """Whatever the denylist does, nobody passes by it."""
    service = Service()
    service.store.error, service.store.answer = error, answer

    assert service.refusal(compact()) == f"the denylist cannot be used: {reason}"


@pytest.mark.parametrize(("error", "answer", "reason"), FAULTS.values(), ids=FAULTS)
def test_during_an_outage_requests_pass_if_the_settings_say_so(
    error: Exception | None, answer: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says when it begins and when it ends, once each."""
    service = Service(refuses=False)
    service.authenticator.revoke(compact())
    service.store.error, service.store.answer = error, answer
    during = service.refusal(compact())
    service.store.error = service.store.answer = None
    after = service.refusal(compact())

    assert (during, after) == (None, "the token is on the denylist")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.ERROR,
            f"the denylist cannot be used: {reason}. Until it answers, REVOKED TOKENS ARE ACCEPTED",
        ),
        (logging.WARNING, "the denylist answers again"),
    ]


@pytest.mark.parametrize("refuses", [True, False])
def test_load_of_this_process_is_no_outage_and_nobody_passes_by_it(
    refuses: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A client could open the gate by load while the denylist is well."""
    service = Service(refuses=refuses)
    service.store.error = StoreBusyError("too many requests ask it at once")

    assert service.refusal(compact()) == "the denylist cannot be used: too many requests ask it at once"
    assert not service.revocations.status().ready
    assert caplog.messages == []


def test_numbers_of_a_database_are_numbers() -> None:
    """Such as decimals."""
    service = Service()
    service.store.answer = [Decimal(NOW), None]

    assert service.refusal(compact()) == "issued before its user's tokens were revoked"


def test_a_refused_outage_is_logged_once_as_well(caplog: pytest.LogCaptureFixture) -> None:
    """Each request has its line in the audit log."""
    service = Service()
    service.store.error = StoreUnavailableError("it cannot be reached")
    service.refusal(compact())

    assert caplog.messages == [
        "the denylist cannot be used: it cannot be reached. Until it answers, requests with a token are refused with "
        "503 denylist_unavailable"
    ]


def test_a_revocation_that_is_not_kept_is_told_whatever_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    """``accept`` is for requests. The caller has to know, and to try again."""
    service = Service(refuses=False)
    service.store.error = StoreUnavailableError("the store in memory is full")

    for revoke in (
        lambda: service.authenticator.revoke(compact()),
        lambda: service.revocations.revoke_user("alice"),
        lambda: service.revocations.revoke_session(ISSUER, "s"),
        lambda: service.revocations.add_once("name", NOW + 60),
    ):
        with pytest.raises(DenylistUnavailableError, match="the denylist cannot be used: the store in memory is full"):
            revoke()
    # Reading may well work, so this is no outage.
    assert caplog.messages == []


def test_a_name_is_added_once() -> None:
    """For the ids of logout tokens."""
    revocations = Service().revocations

    assert [revocations.add_once(name, NOW + 60) for name in ("a", "a", "b")] == [True, False, True]


@pytest.mark.parametrize("refuses", [True, False])
def test_the_status_asks_the_denylist(refuses: bool, caplog: pytest.LogCaptureFixture) -> None:
    """So a probe sees the end of an outage, even if no request comes."""
    service = Service(refuses=refuses)
    service.store.error = StoreUnavailableError("it cannot be reached")
    down = service.revocations.status()
    service.store.error = None
    up = service.revocations.status()

    reason = "the denylist cannot be used: it cannot be reached"
    assert down == DenylistStatus(ready=False, refuses=refuses, last_error=reason)
    assert up == DenylistStatus(ready=True, refuses=refuses, last_error=None)
    assert len(caplog.messages) == 2


def test_a_denylist_that_takes_no_entries_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Such as a full one or a replica: it answers requests, and yet nothing more can be revoked."""
    service = Service()
    service.store.store = MemoryStore(most=1, clock=service.clock, steady=service.clock)
    empty = service.revocations.status()
    service.clock.now += 1
    service.authenticator.revoke(compact())
    full = [service.revocations.status() for _ in range(2)]

    reason = "the denylist cannot be used: the store in memory is full: it keeps 1 entries"
    assert empty == DenylistStatus(ready=True, refuses=True, last_error=None)
    assert full == [DenylistStatus(ready=True, refuses=True, last_error=reason)] * 2
    assert service.refusal(compact()) == "the token is on the denylist"
    # Requests are answered, so this is no outage.
    assert caplog.messages == []


def test_the_entry_of_a_probe_ends_by_itself() -> None:
    """It takes no room from revocations for long."""
    service = Service()
    for _ in range(3):
        service.revocations.status()
        service.clock.now += 1

    assert len(service.store.store) == 1
    assert service.store.store.values(["resource_server:probe"]) == [None]


def test_an_answer_to_a_question_from_before_an_outage_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """The log would change back and forth while some requests are answered late."""
    service, asked, answer = Service(), threading.Event(), threading.Event()
    values = service.store.store.values

    def slow(keys: Sequence[str]) -> list[float | None]:
        asked.set()
        answer.wait()
        return values(keys)

    service.store.store.values = slow  # type: ignore[method-assign]
    early = threading.Thread(target=service.revocations.status)
    early.start()
    asked.wait()
    service.store.error = StoreUnavailableError("it cannot be reached")
    service.revocations.status()
    answer.set()
    early.join()

    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_denylist_is_whatever_has_its_methods() -> None:
    """No class needs to be derived."""
    assert isinstance(BrokenStore(MemoryStore()), Denylist)
    assert not isinstance(object(), Denylist)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of forking with threads: that is the point
def test_a_child_of_a_fork_knows_what_its_parent_knew() -> None:
    """Later revocations in memory stay where they are made."""
    service = Service()
    service.authenticator.revoke(compact())
    child = os.fork()
    if child == 0:
        os._exit(0 if service.refusal(compact()) else 1)
    _, status = os.waitpid(child, 0)

    assert status == 0


def test_the_header_counts_for_a_token_without_an_id() -> None:
    """It is signed as well."""
    service = Service()
    service.authenticator.revoke(with_header(kid="a"))

    assert service.refusal(with_header(kid="b")) is None
