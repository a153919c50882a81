"""Tokens for tests and for trying things out."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed448

from auth.errors import ConfigurationError, InvalidTypeError, MissingClaimError
from auth.keys import SimpleKeySource, VerificationKey
from auth.testing import TokenIssuer
from auth.tokens.profiles import PROFILES
from tests.support.services import AUDIENCE, ISSUED, ISSUER, NOW, OTHER_SECRET, SECRET, service, verifier

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
