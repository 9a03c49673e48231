"""The whole examination, in the order in which one thing stands on another."""

import asyncio
from pathlib import Path

import click
from google.auth.exceptions import DefaultCredentialsError

from cli.doctor import service_checks as checks
from cli.doctor.cors_check import examine_cors
from cli.doctor.findings import Finding
from cli.stack import connect_services, load_settings
from gql.app import create_services
from gql.authentication.exposure import assert_safe_to_serve
from settings import ConfigurationError, Settings


def examine(data_dir: Path | None) -> list[Finding]:
    """The findings; where the settings cannot be used, nothing else is looked at."""
    try:
        settings = load_settings(data_dir=data_dir)
    except ConfigurationError as error:
        return [Finding("settings", str(error), "Set these variables, or unset all of them to run embedded.")]
    findings = [Finding("settings", "embedded" if settings.is_embedded else "complete"), examine_callers(settings)]
    try:
        with connect_services(data_dir) as connected:
            return [*findings, *asyncio.run(_examine_services(connected))]
    except click.ClickException as error:
        return [*findings, Finding("services", error.message, "Fix the settings first, then run doctor again.")]


def examine_callers(settings: Settings) -> Finding:
    """Whether the server would start: callers are told apart, or only this machine can call."""
    try:
        assert_safe_to_serve(settings)
    except ConfigurationError as error:
        return Finding("callers", "are not authenticated", str(error))
    return Finding("callers", "are authenticated" if settings.has_issuer else "are on this machine only")


async def _examine_services(settings: Settings) -> list[Finding]:
    try:
        services = create_services(settings)
    except DefaultCredentialsError as error:
        advice = "Set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or run where one is attached."
        return [Finding("firestore", str(error).splitlines()[0], advice)]
    try:
        found = list(
            await asyncio.gather(
                checks.examine_firestore(services),
                checks.examine_r2(services),
                checks.examine_clock(str(settings.resolved_r2_endpoint_url)),
            )
        )
        # Without an answer each query, and each preflight, would wait for its own.
        if found[1].is_well:
            found.append(await examine_cors(services))
        if found[0].is_well:
            found.append(await checks.examine_indexes(services))
        return found
    finally:
        await services.close()
