"""``flask auth token``: a token to develop with."""

from __future__ import annotations

import json
from typing import Any, BinaryIO, NoReturn

import click
from flask import current_app
from flask.cli import with_appcontext

from ..errors import ConfigurationError, KeysUnavailableError
from ..flask.server import current_state, this_app
from ..testing.issuer import TokenIssuer, issuer_in_the_name_of
from ..testing.signing_keys import PrivateKey, algorithms_for, signing_key


@click.command("token")
@click.argument("subject")
@click.option("--scope", "scopes", multiple=True, help="Scope to grant; may be repeated.")
@click.option("--role", "roles", multiple=True, help="Role of the user; may be repeated.")
@click.option("--client", "is_client", is_flag=True, help="Make a client's own token; SUBJECT is the client.")
@click.option("--actor", help="Who acts for the user (act).")
@click.option("--expires-in", default=3600, show_default=True, help="Seconds until the token expires.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=JSON", help="Another claim; may be repeated.")
@click.option("--key", "key_file", type=click.File("rb"), help="File with the private key to sign with, in PEM.")
@with_appcontext
def make_token(
    subject: str,
    scopes: tuple[str, ...],
    roles: tuple[str, ...],
    is_client: bool,
    actor: str | None,
    expires_in: int,
    claims: tuple[str, ...],
    key_file: BinaryIO | None,
) -> None:
    """Print a development token for SUBJECT.

    The shared secret of the app signs it, or a private key from a file, if the app has the public key. The token has
    the issuer, the audience and the shape that the settings ask for.

    Refused unless AUTH_DEVELOPMENT_TOKENS is set or the app is in debug mode: in production, tokens come from the
    authorization server.
    """
    if not (current_state().config.development_tokens or current_app.debug):
        raise click.ClickException(
            "Tokens are minted in development only: set AUTH_DEVELOPMENT_TOKENS to true, or run flask --debug. "
            "In production they come from your authorization server."
        )
    if not subject.strip():
        raise click.BadParameter("a token needs a user", param_hint="SUBJECT")
    issuer, headers = _with_secret() if key_file is None else _with_private_key(key_file)
    more = dict(map(_claim, claims))
    try:
        token = issuer.issue(
            subject,
            scopes=scopes,
            roles=roles,
            is_client=is_client,
            actor=actor,
            expires_in=expires_in,
            claims=more,
            headers=headers,
        )
    except TypeError as error:
        raise click.BadParameter(str(error), param_hint="--scope or --role") from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--role") from error
    click.echo(token)


def _with_secret() -> tuple[TokenIssuer, dict[str, Any]]:
    try:
        return TokenIssuer.for_app(this_app()), {}
    except ConfigurationError as error:
        raise click.ClickException(
            f"{error.problems[0]} If you have the private key, name its file with --key."
        ) from error


def _with_private_key(file: BinaryIO) -> tuple[TokenIssuer, dict[str, Any]]:
    """Return an issuer that signs with a private key, and the header by which the app finds the public key."""
    server, key = current_state(), _private_key(file)
    try:
        for trusted in server.config.issuers:
            for algorithm in algorithms_for(key):
                candidates = (
                    trusted.keys.current().candidates(algorithm, None) if algorithm in trusted.algorithms else ()
                )
                for candidate in candidates:
                    if candidate.material == key.public_key():
                        issuer = issuer_in_the_name_of(trusted, key, algorithm, server.clock, server.config.metadata)
                        return issuer, {} if candidate.key_id is None else {"kid": candidate.key_id}
    except KeysUnavailableError as error:
        raise click.ClickException(f"The keys of the app are unavailable: {error.reason}.") from error
    raise click.ClickException(
        "The app has no public key that belongs to this private key, so it would refuse the token."
    )


def _private_key(file: BinaryIO) -> PrivateKey:
    try:
        key = signing_key(file.read())
    except ValueError:
        key = b""
    if isinstance(key, bytes):
        raise click.BadParameter(
            "the file holds no private RSA, EC or EdDSA key in PEM without password", param_hint="--key"
        )
    return key


def _claim(text: str) -> tuple[str, Any]:
    name, has_value, value = text.partition("=")
    try:
        if name and has_value:
            return name, json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    raise click.BadParameter(
        "write NAME=JSON, such as --claim level=3 or --claim 'team=\"blue\"'", param_hint="--claim"
    )


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON (RFC 8259 §6)")
