"""The signed tokens that the RFCs print, through the whole verifier. The cookbook's are in another module.

RFC 7515 A.1 to A.3 sign the same claims three ways, and RFC 7519 §3.1 prints the first of them again: issued by
``joe``, without a subject or an audience, expired since 22 March 2011. Keys and tokens are the RFC's own, so there is
nothing secret in them.
"""

from __future__ import annotations

import pytest

from auth.authenticator import Authenticator
from auth.errors import InvalidSignatureError, TokenExpiredError
from auth.keys import StaticKeys, VerificationKey
from auth.tokens.issuer import TrustedIssuer
from auth.tokens.profiles import PROFILES
from tests.support.services import authenticator_of
from tests.support.text_tokens import decode

EXPIRES = 1300819380.0

_CLAIMS = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

A1_KEY = VerificationKey.from_secret(
    decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
)
A1_TOKEN = f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{_CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

A2_KEY = VerificationKey.from_jwk(
    {
        "kty": "RSA",
        "n": (
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SF"
            "d2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo"
            "7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM"
            "Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ"
        ),
        "e": "AQAB",
    }
)
A2_TOKEN = (
    f"eyJhbGciOiJSUzI1NiJ9.{_CLAIMS}."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
    "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
    "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
    "Ge77Rw"
)

A3_KEY = VerificationKey.from_jwk(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
)
A3_TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{_CLAIMS}."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)

A5_TOKEN = f"eyJhbGciOiJub25lIn0.{_CLAIMS}."

EXAMPLES = [
    pytest.param(A1_KEY, A1_TOKEN, id="RFC 7515 A.1, RFC 7519 3.1, HS256"),
    pytest.param(A2_KEY, A2_TOKEN, id="RFC 7515 A.2, RS256"),
    pytest.param(A3_KEY, A3_TOKEN, id="RFC 7515 A.3, ES256"),
]


def _verifier(key: VerificationKey, now: float) -> Authenticator:
    """Return a verifier at a point in time that asks for no more than these old tokens say."""
    issuer = TrustedIssuer(
        keys=StaticKeys([key]),
        algorithms=key.algorithms,
        names=("joe",),
        audience=frozenset(),
        profile=PROFILES["jwt"],
        identity_claim="iss",
        required_claims=("exp",),
        leeway=5,
        max_token_age=None,
    )
    return authenticator_of([issuer], max_token_bytes=8192, clock=lambda: now)


@pytest.mark.parametrize(("key", "token"), EXAMPLES)
def test_a_signed_example_was_good_until_its_expiry_and_the_leeway(key: VerificationKey, token: str) -> None:
    """The signature verifies and the claims are those of the RFC, seen from a moment in 2011."""
    verified = _verifier(key, EXPIRES + 4.9).verify(token)

    assert verified.user_id == verified.issuer == "joe"
    assert verified.claims["exp"] == EXPIRES
    assert verified.claims["http://example.com/is_root"] is True


@pytest.mark.parametrize(("key", "token"), EXAMPLES)
def test_a_signed_example_is_refused_as_expired_and_for_nothing_else(key: VerificationKey, token: str) -> None:
    """From the second on that leeway ends, ``exp`` is what is wrong with it (RFC 7519 §4.1.4)."""
    with pytest.raises(TokenExpiredError):
        _verifier(key, EXPIRES + 5).verify(token)


@pytest.mark.parametrize(("key", "token"), EXAMPLES)
def test_a_changed_example_has_no_valid_signature(key: VerificationKey, token: str) -> None:
    """One bit of the signature changed, and nothing of the rest is looked at."""
    head, _, signature = token.rpartition(".")
    changed = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"

    with pytest.raises(InvalidSignatureError):
        _verifier(key, EXPIRES + 5).verify(changed)


@pytest.mark.parametrize("key", [A1_KEY, A2_KEY, A3_KEY])
def test_the_unsecured_example_is_refused_by_every_kind_of_key(key: VerificationKey) -> None:
    """RFC 7515 A.5 carries the same claims with ``alg`` ``none`` and no signature."""
    with pytest.raises(InvalidSignatureError):
        _verifier(key, EXPIRES - 1).verify(A5_TOKEN)
