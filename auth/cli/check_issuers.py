"""``flask auth check``: whether tokens of each issuer can be verified now."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from ..clock import system_time
from ..flask.server import current_state
from ..tokens.issuer import TrustedIssuer
from .check import Finding, check_issuer
from .output import echo, echo_json


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
@with_appcontext
def check_issuers(context: click.Context, as_json: bool) -> None:
    """Ask each issuer for its keys.

    Says what stands in the way of verifying tokens: an issuer or a proxy that refuses, a host that cannot be reached,
    keys that cannot be used, a clock that differs.

    Exits with 1 if anything does.
    """
    found = [(issuer, list(check_issuer(issuer, system_time))) for issuer in current_state().config.issuers]
    if as_json:
        echo_json([_as_data(issuer, findings) for issuer, findings in found])
    else:
        for issuer, findings in found:
            names, audience = " and ".join(issuer.names), ", ".join(sorted(issuer.audience))
            echo(f"{names or 'any issuer'}, for {audience or 'no audience'}:")
            for finding in findings:
                echo(f"  {'PROBLEM: ' if finding.is_problem else ''}{finding.sentence}")
    context.exit(int(any(finding.is_problem for _, findings in found for finding in findings)))


def _as_data(issuer: TrustedIssuer, findings: list[Finding]) -> dict[str, Any]:
    return {
        "issuer": issuer.name,
        "audience": sorted(issuer.audience),
        "findings": [{"sentence": finding.sentence, "problem": finding.is_problem} for finding in findings],
    }
