"""``flask auth check``: whether tokens of each issuer can be verified now."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from ..clock import system_time
from ..flask.server import current_state
from ..tokens.issuer import TrustedIssuer
from ..wire.metadata import ProtectedResource, ResourceMetadata
from .check import Finding, check_issuer
from .check_resource import check_resource
from .output import echo, echo_json


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
@with_appcontext
def check_issuers(context: click.Context, as_json: bool) -> None:
    """Ask each issuer for its keys, and this app for its metadata.

    Says what stands in the way of verifying tokens: an issuer or a proxy that refuses, a host that cannot be reached,
    keys that cannot be used, a clock that differs. With AUTH_RESOURCE, it also asks for the metadata at their public
    URL, as a client does.

    Exits with 1 if anything is wrong.
    """
    config = current_state().config
    found = [(issuer, list(check_issuer(issuer, system_time))) for issuer in config.issuers]
    published = _check_metadata(config.metadata)
    if as_json:
        issuers = [_as_data(issuer, findings) for issuer, findings in found]
        echo_json([*issuers, *(_resource_as_data(resource, findings) for resource, findings in published)])
    else:
        for issuer, findings in found:
            names, audience = " and ".join(issuer.names), ", ".join(sorted(issuer.audience))
            _echo_all(f"{names or 'any issuer'}, for {audience or 'no audience'}", findings)
        for resource, findings in published:
            _echo_all(f"Metadata of {resource.identifier}", findings)
    context.exit(int(any(finding.is_problem for _, findings in (*found, *published) for finding in findings)))


def _check_metadata(metadata: ResourceMetadata | None) -> list[tuple[ProtectedResource, list[Finding]]]:
    if metadata is None:
        return []
    return [(resource, list(check_resource(resource, metadata))) for resource in metadata.resources]


def _echo_all(heading: str, findings: list[Finding]) -> None:
    echo(f"{heading}:")
    for finding in findings:
        echo(f"  {'PROBLEM: ' if finding.is_problem else ''}{finding.sentence}")


def _as_data(issuer: TrustedIssuer, findings: list[Finding]) -> dict[str, Any]:
    return {"issuer": issuer.name, "audience": sorted(issuer.audience), "findings": _findings_as_data(findings)}


def _resource_as_data(resource: ProtectedResource, findings: list[Finding]) -> dict[str, Any]:
    return {
        "resource": resource.identifier,
        "metadata": resource.metadata_url,
        "findings": _findings_as_data(findings),
    }


def _findings_as_data(findings: list[Finding]) -> list[dict[str, Any]]:
    return [{"sentence": finding.sentence, "problem": finding.is_problem} for finding in findings]
