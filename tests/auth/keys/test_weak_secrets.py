"""Secrets that others know."""

from __future__ import annotations

import base64
import secrets
import string
import time
import uuid
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from auth.keys import UnusableKeyError, VerificationKey
from auth.keys.weak_secrets import is_key_material, is_made_of_words, is_published
from auth.testing import TokenIssuer

PUBLISHED = [
    "a-string-secret-at-least-256-bits-long",
    "A-String-Secret-At-Least-256-Bits-Long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "better-auth-secret-123456789",
    "better-auth-secret-12345678901234567890",
    "change-me-change-me-change-me-change-me",
    "CHANGE_THIS_TO_SOMETHING_SECRET_PLEASE",
    "changeit-changeit-changeit-changeit",
    "please replace me with a long random value",
    "your-256-bit-secret-your-256-bit-secret",
    "<your secret of at least 32 characters>",
    "example-secret-0123456789abcdef0123456789",
    "placeholder-0123456789abcdef0123456789",
    "generate-with-openssl-rand-base64-48",
    "a-very-long-secret-goes-here-0123456789",
    "insert-secret-0123456789abcdef0123456789",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "django-insecure-1h2k3j4h5g6f7d8s9a0q8w7e6r5t4y3u",
    "password" * 4,
    "0123456789abcdef" * 2,
    "12345678901234567890123456789012",
    "insecure-default-secret-do-not-use-in-prod",
    "TODO_SET_A_REAL_SECRET_HERE_PLEASE",
    "a" * 64,
    "abab" * 16,
    "0123" * 16,
    "\0" * 32,
]


@pytest.mark.parametrize("secret", PUBLISHED)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_secrets_from_examples_templates_and_patterns_are_known(secret: str, as_bytes: bool) -> None:
    """Everybody who reads documentation knows them."""
    assert is_published(secret.encode() if as_bytes else secret)


TEMPLATES = [
    "change-me",
    "changeme",
    "change_this",
    "changeit",
    "replace me",
    "replace-with",
    "replace this",
    "your-",
    "example",
    "placeholder",
    "generate a",
    "generate-with",
    "insert-",
    "x-goes-here",
    "512-bit-secret",
    "insecure",
    "do not use",
    "todo-",
    "default_secret",
]


@pytest.mark.parametrize("words", TEMPLATES)
def test_every_word_of_a_template_gives_a_secret_away(words: str) -> None:
    """Whatever randomness stands beside it."""
    assert is_published(f"Qx7Lm2Vt9Rz4Kp8Nw {words} 3Jd6Hs1Fy5Gb0Tc")
    assert not is_published("Qx7Lm2Vt9Rz4Kp8Nw 3Jd6Hs1Fy5Gb0Tc")


PATTERNS = {
    "four characters in no order": "0123321013022031" + "1320023131022013",
    "seven characters, ten times": "abcdefg" * 10,
    "eleven characters, cut short": ("Qx7Lm2Vt9Rz" * 4)[:40],
}


@pytest.mark.parametrize("secret", PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_is_no_secret(secret: str) -> None:
    """Few characters, or the same ones over and over."""
    assert is_published(secret)


@pytest.mark.parametrize(
    "secret",
    [
        base64.b64encode(secrets.token_bytes(48)).decode(),
        secrets.token_hex(32),
        secrets.token_bytes(32),
        "correct horse battery staple and then some",
        "0123443210" + "1302413024" + "4431022013" + "0",
        "notyour-3Jd6Hs1Fy5Gb0TcQx7Lm2Vt9Rz4Kp8Nw",
        "mastodo-3Jd6Hs1Fy5Gb0TcQx7Lm2Vt9Rz4Kp8Nw",
    ],
    ids=["openssl rand -base64 48", "hex", "bytes", "phrase", "five characters", "your in a word", "todo in a word"],
)
def test_secrets_of_ones_own_are_not(secret: str | bytes) -> None:
    """Randomness in any spelling passes."""
    assert not is_published(secret)


MADE_UP = [
    "thequickbrownfoxjumpsoverthelazydogs",
    "correct horse battery staple and then some",
    "OUR-LITTLE-STARTUP-SIGNS-ALL-TOKENS-WITH-THIS",
    "we.sign.everything.with.this.phrase.2024",
    "MySuperSecretJwtKey-ForOurCustomers-2024!",
    "jwt_secret_of_the_tasks_api_0f3a91c2",
    "secret1Key2for3our4staging5server6abc",
]


@pytest.mark.parametrize("secret", MADE_UP)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_words_that_a_person_made_up_are_known(secret: str, as_bytes: bool) -> None:
    """Crackers begin with lists of them."""
    assert is_made_of_words(secret.encode() if as_bytes else secret)


RANDOM: dict[str, Callable[[], str | bytes]] = {
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "openssl rand -base64 48": lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
    "openssl rand -hex 16": lambda: secrets.token_hex(16),
    "secrets.token_urlsafe": lambda: secrets.token_urlsafe(48),
    "letters and digits": lambda: "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32)),
    "printable": lambda: "".join(secrets.choice(string.printable[:94]) for _ in range(32)),
    "uuid": lambda: str(uuid.uuid4()),
    "bytes": lambda: secrets.token_bytes(32),
}


@pytest.mark.parametrize("generate", RANDOM.values(), ids=RANDOM)
def test_random_secrets_are_not_taken_for_words(generate: Callable[[], str | bytes]) -> None:
    """A warning at each start of a service that is right would teach people to ignore it."""
    assert [secret for secret in (generate() for _ in range(3000)) if is_made_of_words(secret)] == []


def test_a_long_text_is_judged_in_no_time() -> None:
    """Whatever stands at its end."""
    started = time.monotonic()

    assert not is_made_of_words("a-" * 100_000 + "9" * 5)
    assert not is_made_of_words("a" * 200_000 + "9" * 5)
    assert time.monotonic() - started < 1


def body_of(pem: str) -> str:
    """Return what stands between the lines of a PEM: as Keycloak's realm endpoint prints its key."""
    return "".join(pem.splitlines()[1:-1])


SPELLINGS: dict[str, Callable[[str], str | bytes]] = {
    "PEM": lambda pem: pem,
    "PEM in base64": lambda pem: base64.b64encode(pem.encode()),
    "body of a PEM": body_of,
    "body of a PEM between spaces": lambda pem: f" {body_of(pem)}\n",
    "base64url without padding": lambda pem: body_of(pem).replace("+", "-").replace("/", "_").rstrip("="),
    "DER": lambda pem: base64.b64decode(body_of(pem)),
    "DER in hexadecimal": lambda pem: base64.b64decode(body_of(pem)).hex(),
}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_public_key_is_no_secret_however_it_is_spelt(spelling: Callable[[str], str | bytes], algorithm: str) -> None:
    """Otherwise anybody with the public key could sign tokens."""
    with pytest.raises(UnusableKeyError, match=r"is a key of a key pair|is empty or a public key"):
        VerificationKey.from_secret(spelling(TokenIssuer.generate(algorithm).public_key))


KEY_MATERIAL = {
    "JWK in base64": base64.b64encode(
        b'{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    ),
    "OpenSSH with a space": b" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJVqh9QdOpFG5GnVwTkdyDBiJ3HzzTqXGLiWoQUUIDrQ",
    "OpenSSH without its name": b"AAAAC3NzaC1lZDI1NTE5AAAAIJVqh9QdOpFG5GnVwTkdyDBiJ3HzzTqXGLiWoQUUIDrQ",
    "private DER": Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
}


@pytest.mark.parametrize("secret", KEY_MATERIAL.values(), ids=KEY_MATERIAL)
def test_other_key_material_is_no_secret_either(secret: bytes) -> None:
    """Private keys, JWKs and the forms of OpenSSH."""
    assert is_key_material(secret)


ECDSA = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


@pytest.mark.parametrize("secret", [ECDSA, ECDSA.split()[1]], ids=["with its name", "without its name"])
def test_an_ecdsa_key_of_openssh_is_no_secret(secret: bytes) -> None:
    """Its name starts otherwise than those of the other kinds."""
    assert is_key_material(secret)


#: A public key of the kind 1.2.3, which nobody has defined.
UNKNOWN_KIND = bytes.fromhex("300d300406022a0303050001020304")


def test_der_of_an_unknown_kind_is_nothing_to_judge() -> None:
    """It raises nothing either."""
    assert is_key_material(UNKNOWN_KIND) is False


def test_an_encrypted_private_key_is_no_secret_either() -> None:
    """Nobody can read it without its password, and what it is shows all the same."""
    encrypted = Ed25519PrivateKey.generate().private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )

    assert is_key_material(encrypted) is True


def test_a_key_whose_last_byte_reads_like_a_line_end_is_no_secret_either() -> None:
    """Only text has space around it."""
    keys = (
        Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for _ in range(100_000)
    )
    key = next(key for key in keys if key != key.strip())

    assert is_key_material(key) is True


@pytest.mark.parametrize("make", [secrets.token_bytes, secrets.token_hex, secrets.token_urlsafe])
def test_random_secrets_are_no_key_material(make: Callable[[int], str | bytes]) -> None:
    """None of many is taken for a key."""
    for size in range(32, 96):
        secret = make(size)

        assert not is_key_material(secret if isinstance(secret, bytes) else secret.encode())
