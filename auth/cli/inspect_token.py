"""``flask auth inspect``: what a token says, and what this app makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..access_token import AccessToken
from ..errors import AuthError, DenylistUnavailableError, KeysUnavailableError
from ..flask.server import ServerState, current_state
from ..tokens.findings import login_in_words, moment, names_in_words, printable, shown
from ..tokens.inspection import Check, Inspection, inspect
from .output import echo, echo_json, marks
from .standard_input import token_in

#: Claims that are points in time (RFC 7519 §4.1, OpenID Connect Core §2).
_TIMES = ("exp", "nbf", "iat", "auth_time")

_UNVERIFIED = "No key has verified this token: anybody can write such a header and such claims."

#: The exit statuses: the app accepts the token, refuses it, or cannot know because the issuer's keys are unavailable.
_ACCEPTED, _REFUSED, _UNKNOWN = 0, 1, 3


@click.command("inspect")
@click.argument("text", metavar="TOKEN")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
@with_appcontext
def inspect_token(context: click.Context, text: str, as_json: bool) -> None:
    """Show what a token says and why it is refused.

    TOKEN is the token, or - to read it from the standard input, which keeps it out of the history of the shell. A line
    copied from a request, such as "Authorization: Bearer …", will do.

    Each check of this app is made with its settings, its clock and the keys of the issuer. The signature of the token
    is never printed.

    Exits with 0 if the app accepts the token, with 1 if it refuses it, and with 3 if the keys of the issuer or the
    denylist are unavailable.
    """
    token = token_in(text)
    if not token:
        raise click.BadParameter("there is no token in the input", param_hint="TOKEN")
    server = current_state()
    config = server.config
    inspection = inspect(token, config.issuers, max_token_bytes=config.max_token_bytes, now=server.clock())
    outcome = _outcome(server, token)
    if as_json:
        echo_json(_as_data(inspection, outcome))
    else:
        for line in _as_lines(inspection, outcome, server.clock()):
            echo(line)
    context.exit(_status(outcome))


def _outcome(server: ServerState, token: str) -> AccessToken | AuthError:
    """Return what a request with the token comes to before any rule of a view is asked."""
    try:
        return server.authenticator.authenticate_field(f"Bearer {token}")[0]
    except AuthError as error:
        return error


def _status(outcome: AccessToken | AuthError) -> int:
    if isinstance(outcome, AccessToken):
        return _ACCEPTED
    unavailable = (KeysUnavailableError, DenylistUnavailableError)
    return _UNKNOWN if isinstance(outcome, unavailable) else _REFUSED


def _as_lines(inspection: Inspection, outcome: AccessToken | AuthError, now: float) -> Iterator[str]:
    yield from _members("Header", inspection.header, now)
    yield from _members("Claims", inspection.claims, now)
    if not inspection.is_signed:
        yield _UNVERIFIED
        yield ""
    yield f"Checks by the settings of this app{_of_issuer(inspection)}"
    passed, failed = marks()
    for check in inspection.checks:
        mark = {True: passed, False: failed, None: "-"}[check.passed]
        yield f"  {mark} {check.name:16}  {check.sentence}"
        if check.passed is False and check.settings:
            yield f"    {'':16}  Decided by {_settings(check)}."
    yield ""
    yield from _conclusion(outcome, now)


def _members(heading: str, members: Mapping[str, Any] | None, now: float) -> Iterator[str]:
    if members is None:
        yield f"{heading}: cannot be read."
        yield ""
        return
    yield heading
    width = max((len(printable(name)) for name in members), default=0)
    for name, value in members.items():
        is_time = heading == "Claims" and name in _TIMES and type(value) in (int, float)
        date = f"  {moment(value, now)}" if is_time else ""
        yield f"  {printable(name):{width}}  {shown(value) if value is not None else 'null'}{date}"
    yield ""


def _of_issuer(inspection: Inspection) -> str:
    is_one_of_several = len(current_state().config.issuers) > 1 and inspection.issuer is not None
    return f", for the issuer {inspection.issuer.name}" if is_one_of_several and inspection.issuer else ""


def _settings(check: Check) -> str:
    """Return the names of the settings that decide a check, as they are written in this app."""
    settings = current_app.config
    if check.name == "signature":
        set_here = [key for key in map(_key, check.settings) if settings.get(key)]
        return "the keys in AUTH_ISSUERS" if settings.get("AUTH_ISSUERS") else " and ".join(set_here) or "keys="
    names = " and ".join(map(_key, check.settings))
    return f"{names}, or by the same in an entry of AUTH_ISSUERS" if settings.get("AUTH_ISSUERS") else names


def _key(setting: str) -> str:
    return f"AUTH_{setting.upper()}"


def _conclusion(outcome: AccessToken | AuthError, now: float) -> Iterator[str]:
    if isinstance(outcome, AccessToken):
        granted = f"scopes {names_in_words(outcome.scopes)}; roles {names_in_words(outcome.roles)}"
        whose = "It is a client's own token, and its id" if outcome.is_client else "The user"
        of_tenant = "" if outcome.tenant_id is None else f", of the tenant {shown(outcome.tenant_id)}"
        yield f"This app accepts the token. {whose} is {shown(outcome.user_id)}{of_tenant}; {granted}."
        if implied := outcome.effective_scopes - outcome.scopes:
            yield f"By AUTH_SCOPE_IMPLIES it has {names_in_words(implied)} as well."
        if (metadata := current_state().config.metadata) and len(metadata.resources) > 1:
            named = names_in_words(resource.identifier for resource in metadata.named_by(outcome.claims.get("aud")))
            yield f"Of the resources in AUTH_RESOURCE it is good for {named}."
        if login := login_in_words(outcome.claims, outcome.login_shape, now):
            yield f"Of the login it says: {login}."
        yield (
            "A view may still ask for scopes, roles, another login, another user or another caller: flask auth routes "
            "lists them."
        )
        return
    yield f"This app answers {outcome.status.value} {outcome.code.value}: {outcome.message}"
    if isinstance(outcome, KeysUnavailableError):
        yield "The token may be fine. Ask flask auth check why the keys are unavailable."


def _as_data(inspection: Inspection, outcome: AccessToken | AuthError) -> dict[str, Any]:
    refused = outcome if isinstance(outcome, AuthError) else None
    token = outcome if isinstance(outcome, AccessToken) else None
    return {
        "accepted": token is not None,
        "signature_verified": inspection.is_signed,
        "header": inspection.header if inspection.header is None else dict(inspection.header),
        "claims": inspection.claims if inspection.claims is None else dict(inspection.claims),
        "issuer": inspection.issuer.name if inspection.issuer else None,
        "user_id": token.user_id if token else None,
        "tenant_id": token.tenant_id if token else None,
        "is_client": token.is_client if token else None,
        "client_id": token.client_id if token else None,
        "actor": token.actor.subject if token and token.actor else None,
        "scopes": sorted(token.scopes) if token else [],
        **({"effective_scopes": sorted(token.effective_scopes)} if token and token.scope_hierarchy.implied else {}),
        "roles": sorted(token.roles) if token else [],
        "status": refused.status.value if refused else None,
        "error": refused.code.value if refused else None,
        "message": refused.message if refused else None,
        "checks": [
            {
                "check": check.name,
                "passed": check.passed,
                "sentence": check.sentence,
                "settings": [_key(setting) for setting in check.settings],
            }
            for check in inspection.checks
        ],
    }
