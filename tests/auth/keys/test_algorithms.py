"""Which algorithm takes which key, as data."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from auth.keys.algorithms import (
    ASYMMETRIC_ALGORITHMS,
    HMAC_MIN_BYTES,
    IMPLEMENTATIONS,
    SMALL_ORDER_ED25519,
    SYMMETRIC_ALGORITHMS,
    PublicKey,
    algorithms_of,
)

KEYS: dict[str, tuple[PublicKey, set[str]]] = {
    "RSA": (
        rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key(),
        {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
    ),
    "P-256": (ec.generate_private_key(ec.SECP256R1()).public_key(), {"ES256"}),
    "P-384": (ec.generate_private_key(ec.SECP384R1()).public_key(), {"ES384"}),
    "P-521": (ec.generate_private_key(ec.SECP521R1()).public_key(), {"ES512"}),
    "secp256k1": (ec.generate_private_key(ec.SECP256K1()).public_key(), set()),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate().public_key(), {"EdDSA", "Ed25519"}),
    "Ed448": (ed448.Ed448PrivateKey.generate().public_key(), {"EdDSA", "Ed448"}),
}


@pytest.mark.parametrize(("key", "algorithms"), KEYS.values(), ids=KEYS)
def test_a_public_key_is_made_for_its_own_algorithms(key: PublicKey, algorithms: set[str]) -> None:
    """RFC 7518 §3, RFC 8037 §3.1, RFC 9864 §2.2; a curve that JOSE does not use takes none."""
    assert set(algorithms_of(key)) == algorithms


def test_the_two_kinds_of_algorithms_have_nothing_in_common() -> None:
    """HMAC and public keys are never mixed (RFC 8725 §3.1)."""
    assert not set(SYMMETRIC_ALGORITHMS) & set(ASYMMETRIC_ALGORITHMS)


def test_unsecured_tokens_have_no_implementation() -> None:
    """``none`` is not there, in any spelling."""
    assert not {name for name in IMPLEMENTATIONS if name.lower() == "none"}
    assert set(IMPLEMENTATIONS) == {*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS}


def test_a_secret_is_as_long_as_its_hash() -> None:
    """RFC 7518 §3.2, in bytes."""
    assert HMAC_MIN_BYTES == {"HS256": 32, "HS384": 48, "HS512": 64}


def test_the_points_of_small_order_are_what_they_are_called() -> None:
    """Eight times each is the neutral element, by the arithmetic of RFC 8032 §5.1.4 with plain integers."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime

    def double(x: int, y: int) -> tuple[int, int]:
        product = d * x * x * y * y
        return (
            2 * x * y * pow(1 + product, -1, prime) % prime,
            (y * y + x * x) * pow(1 - product, -1, prime) % prime,
        )

    def roots(square: int) -> set[int]:
        root = pow(square, (prime + 3) // 8, prime)
        candidates = {root, root * pow(2, (prime - 1) // 4, prime) % prime}
        return {sign * value % prime for value in candidates for sign in (1, -1) if value * value % prime == square}

    for encoding in SMALL_ORDER_ED25519:
        y = int.from_bytes(encoding, "little") % 2**255 % prime
        xs = roots((y * y - 1) * pow(d * y * y + 1, -1, prime) % prime)

        assert xs
        for x in xs:
            point = (x, y)
            for _ in range(3):
                point = double(*point)
            assert point == (0, 1)
    assert len(SMALL_ORDER_ED25519) == 14
