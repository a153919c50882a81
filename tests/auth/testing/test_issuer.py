"""Tokens for tests and for trying things out."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from auth import Actor, ResourceServer
from auth.errors import ConfigurationError, InvalidTypeError, MissingClaimError
from auth.keys import SimpleKeySource, VerificationKey
from auth.testing import TokenIssuer
from auth.testing.signing_keys import generate_key
from auth.tokens.profiles import PROFILES
from tests.support.services import (
    AUDIENCE,
    ISSUED,
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    authenticate,
    clock,
    service,
    verifier,
)

ALGORITHMS = [
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"),
]


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_keys_of_an_issuer_verify_its_tokens(algorithm: str) -> None:
    """For every algorithm, with a fresh key."""
    issuer = TokenIssuer.generate(algorithm)
    header, _, rest = issuer.issue("alice").partition(".")
    payload, _, signature = rest.partition(".")
    (key,) = issuer.keys.current().candidates(algorithm, None)

    padded = signature + "=" * (-len(signature) % 4)
    assert key.verify(algorithm, f"{header}.{payload}".encode(), jwt.utils.base64url_decode(padded))


def test_two_issuers_have_two_keys() -> None:
    """Every generated key is fresh."""
    assert TokenIssuer.generate("ES256").public_key != TokenIssuer.generate("ES256").public_key


def test_an_ed448_key_signs_too() -> None:
    """One made elsewhere."""
    issuer = TokenIssuer(
        ed448.Ed448PrivateKey.generate(), algorithm="EdDSA", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW
    )
    checked = verifier(AUTH_SECRET=None, AUTH_PUBLIC_KEY=issuer.public_key)

    assert checked.verify(issuer.issue("alice")).user_id == "alice"


def test_a_token_says_who_from_whom_for_whom_and_until_when() -> None:
    """With an id that no other token has."""
    first, second = (claims_of(ISSUED.issue("alice", scopes=["a", "b"], expires_in=60)) for _ in range(2))

    assert first | {"jti": ""} == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "scope": "a b",
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "",
    }
    assert first["jti"] != second["jti"]


def test_claims_and_headers_may_be_replaced_and_left_out() -> None:
    """To make the bad tokens that a test needs."""
    token = ISSUED.issue(
        "alice", claims={"exp": None, "sub": "bob", "role": "x"}, headers={"typ": "at+jwt", "kid": "1"}
    )

    assert claims_of(token).keys() == {"iss", "aud", "sub", "iat", "jti", "role"}
    assert claims_of(token)["sub"] == "bob"
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt", "kid": "1"}


@pytest.mark.parametrize("profile", [name for name in PROFILES if PROFILES[name].role_paths])
def test_tokens_of_each_profile_are_what_its_verifier_accepts(profile: str) -> None:
    """User, scopes and roles stand where that issuer puts them."""
    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, profile=profile, clock=lambda: NOW)

    token = verifier(AUTH_PROFILE=profile).verify(issuer.issue("alice", scopes=["a", "b"], roles=["r", "s"]))

    assert token.user_id == "alice"
    assert token.scopes == {"a", "b"}
    assert token.roles == {"r", "s"}


@pytest.mark.parametrize(
    ("scopes", "granted"),
    [("a b", {"a", "b"}), ("orders:write", {"orders:write"}), (["a"], {"a"}), ((s for s in "ab"), {"a", "b"})],
    ids=["two in one text", "one text", "a list", "a generator"],
)
def test_scopes_are_written_as_in_the_guards(scopes: Any, granted: set[str]) -> None:
    """A text holds names with spaces between them, never its letters."""
    assert verifier().verify(ISSUED.issue("alice", scopes=scopes)).scopes == granted


@pytest.mark.parametrize(("roles", "held"), [("admin", {"admin"}), ("shop keeper", {"shop keeper"}), (["a"], {"a"})])
def test_roles_are_written_as_in_the_guards(roles: Any, held: set[str]) -> None:
    """One text is one role."""
    assert verifier().verify(ISSUED.issue("alice", roles=roles)).roles == held


@pytest.mark.parametrize("empty", ["", [], ()], ids=repr)
def test_a_token_may_grant_nothing(empty: Any) -> None:
    """Unlike a guard, which would let everybody pass."""
    assert not {"scope", "roles"} & claims_of(ISSUED.issue("alice", scopes=empty, roles=empty)).keys()


@pytest.mark.parametrize("names", [{"scopes": ["a b"]}, {"scopes": "a  b"}, {"scopes": 1}, {"roles": [" a"]}], ids=str)
def test_what_is_no_name_is_refused(names: Any) -> None:
    """As a guard refuses it: no guard could ask for it."""
    with pytest.raises(TypeError):
        ISSUED.issue("alice", **names)


@pytest.mark.parametrize("user", [1, None, b"alice"], ids=repr)
def test_a_user_is_text(user: Any) -> None:
    """Every verifier refuses another; the message says how to see that."""
    with pytest.raises(TypeError, match=r"The user of a token is text.*claims=\{'sub': …\}"):
        ISSUED.authorization(user)


def test_a_profile_that_does_not_exist_is_refused() -> None:
    """The message lists those that do."""
    with pytest.raises(ValueError, match="profile must be one of jwt, rfc9068, better-auth"):
        TokenIssuer(SECRET, profile="nope")


@pytest.mark.parametrize("lifetime", [60, 60.0, timedelta(minutes=1)], ids=repr)
def test_a_lifetime_is_seconds_or_a_timedelta(lifetime: Any) -> None:
    """Either way it counts from now."""
    assert claims_of(ISSUED.issue("alice", expires_in=lifetime))["exp"] == NOW + 60


@pytest.mark.parametrize("algorithm", ["HS384", "RS256", "ES512", "EdDSA"])
def test_a_key_knows_its_usual_algorithm(algorithm: str) -> None:
    """So nobody has to say it twice; a secret signs by HS256 unless it is told otherwise."""
    key = generate_key(algorithm)

    assert TokenIssuer(key).algorithm == ("HS256" if algorithm == "HS384" else algorithm)


@pytest.mark.parametrize("algorithm", ["RS512", "ES256", "EdDSA"])
@pytest.mark.parametrize("as_text", [True, False], ids=["text", "bytes"])
def test_a_private_key_may_be_a_pem(algorithm: str, as_text: bool) -> None:
    """As files have it."""
    key: Any = generate_key(algorithm)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    issuer = TokenIssuer(pem.decode() if as_text else pem, algorithm=algorithm, issuer=ISSUER, clock=lambda: NOW)

    checked = verifier(AUTH_SECRET=None, AUTH_PUBLIC_KEY=issuer.public_key, AUTH_AUDIENCE="any")
    assert checked.verify(issuer.issue("alice", claims={"aud": "any"})).user_id == "alice"


def test_a_pem_without_a_private_key_is_refused() -> None:
    """A public key signs nothing."""
    pem = TokenIssuer.generate("ES256").public_key

    with pytest.raises(ValueError, match="A token is signed with a secret, or with a private RSA"):
        TokenIssuer(pem)


def test_a_key_signs_by_its_algorithms_only() -> None:
    """The message names them."""
    with pytest.raises(ValueError, match=r"This key signs by HS256, HS384, HS512\."):
        TokenIssuer(SECRET, algorithm="RS256")
    with pytest.raises(ValueError, match="This key signs by no algorithm of JOSE"):
        TokenIssuer(ec.generate_private_key(ec.SECP256K1()))


@pytest.mark.parametrize("algorithm", ["HS512", "RS256", "ES256", "EdDSA", "Ed25519"])
@pytest.mark.parametrize("profile", PROFILES)
def test_an_app_with_the_settings_of_an_issuer_accepts_its_tokens(algorithm: str, profile: str) -> None:
    """Whatever the environment says about keys: those settings are replaced too."""
    issuer = TokenIssuer.generate(algorithm, issuer=f"{ISSUER}/", audience=AUDIENCE, profile=profile)
    app = Flask("service")
    app.config.update(AUTH_DISCOVERY=True, AUTH_ISSUERS=[{"issuer": ISSUER}])
    app.config.update(issuer.settings)
    ResourceServer(app)

    assert app.extensions["resource_server"].verify(issuer.issue("alice")).user_id == "alice"


def test_claims_that_an_issuer_is_told_of_are_in_each_token() -> None:
    """With a placeholder, unless the token has a value of its own."""
    issuer = TokenIssuer(SECRET, required_claims=["tenant", "nbf", "plan"], clock=lambda: NOW)

    claims = claims_of(issuer.issue("alice", claims={"plan": "gold"}))

    assert (claims["tenant"], claims["nbf"], claims["plan"]) == ("development", NOW, "gold")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_clients_own_token_is_known_as_one_in_each_profile(profile: str) -> None:
    """And a user's is not, whichever client got it. At Cognito the client is the audience."""
    client = AUDIENCE if profile == "cognito" else "nightly"
    issuer = TokenIssuer(SECRET, issuer="https://login.example/", audience=AUDIENCE, profile=profile, clock=clock)
    known = {"AUTH_PROFILE": profile, "AUTH_ISSUER": issuer.issuer}

    own = authenticate(issuer.issue(client, is_client=True), **known)
    users = authenticate(issuer.issue("alice", client_id=client), **known)

    assert (own.user_id, own.client_id, own.is_client) == (client, client, True)
    assert (users.user_id, users.client_id, users.is_client) == ("alice", client, False)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_user_is_no_client_unless_it_is_said(profile: str) -> None:
    """Also where the profile demands that a client is named, and whatever the user is called."""
    issuer = TokenIssuer(SECRET, issuer="https://login.example/", audience=AUDIENCE, profile=profile, clock=clock)
    known = {"AUTH_PROFILE": profile, "AUTH_ISSUER": issuer.issuer}

    assert authenticate(issuer.issue("development"), **known).is_client is False


def test_a_clients_own_token_may_name_another_user_where_the_issuer_does() -> None:
    """Keycloak makes a user for a client; RFC 9068 has the client itself, unless another claim names the user."""
    keycloak = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, profile="keycloak", clock=clock)
    by_mail = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, identity_claim="email", clock=clock)

    account = authenticate(keycloak.issue("b5b3ae5d", client_id="jobs", is_client=True), AUTH_PROFILE="keycloak")
    robot = authenticate(
        by_mail.issue("jobs@example.com", client_id="jobs", is_client=True), AUTH_IDENTITY_CLAIM="email"
    )

    assert (account.user_id, account.client_id, account.is_client) == ("b5b3ae5d", "jobs", True)
    assert (robot.user_id, robot.subject, robot.client_id, robot.is_client) == (
        "jobs@example.com",
        "jobs",
        "jobs",
        True,
    )
    with pytest.raises(ValueError, match=r"^The user of a client's own token is the client: leave client_id out\."):
        ISSUED.issue("alice", client_id="jobs", is_client=True)


@pytest.mark.parametrize(
    ("actor", "read"),
    [
        (None, None),
        ("helpdesk", Actor("helpdesk")),
        ({"sub": "helpdesk", "act": {"sub": "app"}}, Actor("helpdesk", actor=Actor("app"))),
    ],
    ids=str,
)
def test_somebody_may_act_for_the_user(actor: Any, read: Actor | None) -> None:
    """A name is the subject of the actor; an object is the whole claim."""
    assert authenticate(ISSUED.issue("alice", actor=actor)).actor == read


def test_a_development_token_has_what_the_settings_demand() -> None:
    """``flask auth token`` would print a token that is refused."""
    app = service(AUTH_REQUIRED_CLAIMS=["exp", "tenant"])

    token = TokenIssuer.for_app(app, clock=lambda: NOW).issue("alice")

    assert app.extensions["resource_server"].verify(token).claims["tenant"] == "development"


def test_roles_that_a_profile_has_no_place_for_are_refused() -> None:
    """They would be left out in silence."""
    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, profile="auth0", clock=lambda: NOW)

    assert verifier(AUTH_PROFILE="auth0").verify(issuer.issue("alice")).user_id == "alice"
    with pytest.raises(ValueError, match="carry no roles"):
        issuer.issue("alice", roles=["r"])


@pytest.mark.parametrize("profile", PROFILES)
def test_an_issuer_for_an_app_signs_in_the_shape_of_its_profile(profile: str) -> None:
    """So that ``flask auth token`` prints what the service accepts."""
    app = service(AUTH_PROFILE=profile)

    token = TokenIssuer.for_app(app, clock=lambda: NOW).issue("alice")

    assert app.extensions["resource_server"].verify(token).user_id == "alice"


@pytest.mark.parametrize("profile", PROFILES)
def test_an_app_that_takes_any_issuer_gets_what_its_profile_demands(profile: str) -> None:
    """Some issuer, that is: most profiles refuse tokens that name none."""
    app = service(AUTH_PROFILE=profile, AUTH_ISSUER=None)

    token = TokenIssuer.for_app(app, clock=lambda: NOW).issue("alice")

    assert app.extensions["resource_server"].verify(token).user_id == "alice"


def test_another_claim_may_name_the_user() -> None:
    """As ``AUTH_IDENTITY_CLAIM`` has it."""
    claims = claims_of(TokenIssuer(SECRET, identity_claim="uid").issue("alice"))

    assert claims["uid"] == "alice"
    assert not {"sub", "iss", "aud", "scope"} & claims.keys()


def test_the_time_is_the_system_clocks_unless_another_is_given() -> None:
    """Tokens made by hand are good now."""
    before = int(time.time())
    issued = claims_of(TokenIssuer(SECRET).issue("alice"))["iat"]

    assert isinstance(issued, int)
    assert before <= issued <= time.time()


def test_the_request_headers_carry_the_token() -> None:
    """Ready for a test client."""
    headers = ISSUED.authorization("alice", claims={"jti": "1"})

    assert headers == {"Authorization": f"Bearer {ISSUED.issue('alice', claims={'jti': '1'})}"}


def test_a_shared_secret_has_no_public_key() -> None:
    """There is nothing to publish."""
    with pytest.raises(TypeError, match=r"A shared secret has no public key\."):
        assert TokenIssuer(SECRET).public_key


@pytest.mark.parametrize("algorithms", [["HS256"], ["HS512"], ["HS384", "HS512"]], ids=str)
def test_an_issuer_for_an_app_signs_what_the_app_accepts(algorithms: list[str]) -> None:
    """The current secret, one of its audiences, and its identity claim."""
    app = service(
        AUTH_SECRET=[SECRET, OTHER_SECRET],
        AUTH_ALGORITHMS=algorithms,
        AUTH_AUDIENCE=["b", "a"],
        AUTH_IDENTITY_CLAIM="uid",
    )
    token = TokenIssuer.for_app(app, clock=lambda: NOW).issue("alice")

    with app.app_context():
        verified = app.extensions["resource_server"].verify(token)
    assert (verified.user_id, verified.issuer, verified.claims["aud"]) == ("alice", ISSUER, "a")
    jwt.decode(token, SECRET, algorithms=algorithms, options={"verify_exp": False, "verify_iat": False}, audience="a")


def test_an_issuer_for_an_app_with_public_keys_cannot_be() -> None:
    """Only their issuer can sign."""
    keys = TokenIssuer.generate("EdDSA").keys

    with pytest.raises(ConfigurationError, match="only their issuer can sign tokens"):
        TokenIssuer.for_app(service(AUTH_SECRET=None, keys=keys))


def test_keys_of_another_kind_under_an_hmac_name_sign_nothing() -> None:
    """A key source that confuses the kinds does not make a public key a secret."""
    confused = TokenIssuer.generate("ES256").keys.current().keys

    class Confusing(SimpleKeySource):
        def keys_for(self, algorithm: str, key_id: str | None) -> tuple[VerificationKey, ...]:
            return confused

    app = service(AUTH_SECRET=None, AUTH_ALGORITHMS="HS256", keys=Confusing())

    with pytest.raises(ConfigurationError, match="only their issuer can sign tokens"):
        TokenIssuer.for_app(app)


@pytest.mark.parametrize("algorithm", ["ES257", "none"])
def test_an_issuer_signs_by_known_algorithms_only(algorithm: str) -> None:
    """A name that nobody signs by is refused when the key would be made."""
    with pytest.raises(ValueError, match="Tokens are signed with"):
        TokenIssuer.generate(algorithm)


def test_a_token_is_good_for_a_quarter_of_an_hour() -> None:
    """Unless another time is asked for."""
    assert claims_of(ISSUED.issue("alice"))["exp"] == NOW + 900


@pytest.mark.parametrize(("profile", "claim"), [("jwt", "email"), ("better-auth", "email"), ("jwt", "phone_number")])
def test_an_address_that_names_the_user_is_verified(profile: str, claim: str) -> None:
    """Unless a test says otherwise."""
    settings: dict[str, Any] = {"AUTH_PROFILE": profile, "AUTH_IDENTITY_CLAIM": claim}
    issuer = TokenIssuer(
        SECRET, issuer=ISSUER, audience=AUDIENCE, profile=profile, identity_claim=claim, clock=lambda: NOW
    )
    verifying = (PROFILES[profile].verifying_claims(claim) or ("",))[0]

    assert verifier(**settings).verify(issuer.issue("a@example.com")).user_id == "a@example.com"
    with pytest.raises(MissingClaimError):
        verifier(**settings).verify(issuer.issue("a@example.com", claims={verifying: False}))


def test_a_token_of_another_kind_is_made_by_its_claim() -> None:
    """To see that the service refuses it."""
    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)

    with pytest.raises(InvalidTypeError):
        verifier().verify(issuer.issue("alice", claims={"type": "refresh"}))
