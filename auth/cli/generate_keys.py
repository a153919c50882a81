"""``flask auth keygen``: a secret, or a key pair with its JWK Set, to develop with."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.utils import base64url_encode

from ..keys.algorithms import ASYMMETRIC_ALGORITHMS, IMPLEMENTATIONS, SYMMETRIC_ALGORITHMS
from ..testing.signing_keys import PrivateKey, generate_key
from .output import echo_json

#: The members of a JWK that its thumbprint is made from (RFC 7638 §3.2, RFC 8037 §2).
_THUMBPRINT = ("crv", "e", "k", "kty", "n", "x", "y")


@click.command("keygen")
@click.option(
    "--algorithm",
    default="HS256",
    show_default=True,
    type=click.Choice([*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS]),
    help="What the key is for: HS… is a secret, the others are key pairs.",
)
@click.option("--out", metavar="NAME", help="Write a key pair to NAME.pem, NAME.pub.pem and NAME.jwks.json.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def generate_keys(algorithm: str, out: str | None, as_json: bool) -> None:
    """Make a secret or a key pair to develop with.

    A secret is for AUTH_SECRET. Of a key pair, the private key signs (see the command token), the public key is for
    AUTH_PUBLIC_KEY, and the JWK Set is what an issuer publishes at AUTH_JWKS_URL.

    The settings of the app may be missing or wrong: this command does not need them.
    """
    key = generate_key(algorithm)
    if isinstance(key, bytes):
        if out is not None:
            raise click.UsageError("A secret is printed and not written to files. Take --out away.")
        # Of letters, so that it can stand in the environment, and longer than any of the algorithms asks for.
        secret = secrets.token_urlsafe(48)
        _print({"algorithm": algorithm, "secret": secret}, secret, as_json=as_json)
        return
    pair = _pair(key, algorithm)
    jwks = json.dumps(pair["jwks"], indent=2)
    if out is None:
        _print(pair, f"{pair['private_key']}{pair['public_key']}{jwks}", as_json=as_json)
        return
    files = {f"{out}.pem": pair["private_key"], f"{out}.pub.pem": pair["public_key"], f"{out}.jwks.json": f"{jwks}\n"}
    _write(files)
    private, public, published = files
    said = (
        f"{private} holds the private key, which signs: flask auth token alice --key {private}\n"
        f'{public} holds the public key: export FLASK_AUTH_PUBLIC_KEY="$(cat {public})"\n'
        f"{published} holds the JWK Set that an issuer publishes."
    )
    _print({"algorithm": algorithm, "key_id": pair["key_id"], "files": list(files)}, said, as_json=as_json)


def _print(data: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(data)
    else:
        click.echo(text)


def _pair(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    """Return a key pair in PEM, and its JWK Set (RFC 7517 §5)."""
    public = key.public_key()
    members = IMPLEMENTATIONS[algorithm].to_jwk(public, as_dict=True)
    named = {name: members[name] for name in _THUMBPRINT if name in members}
    digest = hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).digest()
    key_id = base64url_encode(digest).decode()
    return {
        "algorithm": algorithm,
        "key_id": key_id,
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "public_key": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "jwks": {"keys": [{**named, "use": "sig", "alg": algorithm, "kid": key_id}]},
    }


def _write(files: dict[str, str]) -> None:
    """Write new files, the first for its owner's eyes only; leave none if one of them is there already."""
    there = [name for name in files if Path(name).exists()]
    if there:
        raise click.ClickException(f"{there[0]} is there already. Nothing was written.")
    mode = 0o600
    for name, content in files.items():
        try:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise click.ClickException(f"{name} cannot be written: {error.strerror}.") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        mode = 0o644
