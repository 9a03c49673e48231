"""`clipgraph token`."""

import json
from datetime import timedelta
from pathlib import Path

import click
from pydantic import ValidationError

from cli.durations import Duration
from cli.output import CommandError, print_line
from cli.stack import load_settings
from settings import ApiKeySettings, ConfigurationError


@click.command(name="token", help="Print a development token, which grants the rights of a user.")
@click.option("--user", "user_id", default="demo", help="User id; demo.")
@click.option("--worker", "role", flag_value="worker", help="Grant the role worker.")
@click.option("--admin", "role", flag_value="admin", help="Grant the role admin.")
@click.option("--expires-in", type=Duration(), help="Validity: 90s, 30m, 6h or 30d; 12h.")
@click.option("--api-key", "key_name", help="Print an API key with this name instead of a token, for any server.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory of the server that accepts it (CLIPGRAPH_DATA_DIR; ./data).",
)
def command(
    user_id: str, role: str | None, expires_in: timedelta | None, key_name: str | None, data_dir: Path | None
) -> None:
    """Prints the token or the key alone on stdout."""
    if key_name is not None:
        _print_api_key(key_name, role or "worker")
    else:
        _print_token(user_id, role or "user", expires_in or timedelta(hours=12), data_dir)


def _print_token(user_id: str, role: str, expires_in: timedelta, data_dir: Path | None) -> None:
    from domain.identifiers import parse_form_c, parse_user_id
    from embedded.data_directory import make_data_directory
    from gql.authentication.dev_tokens import mint_token
    from gql.permissions import Role

    try:
        settings = load_settings(data_dir=data_dir)
        parse_form_c(parse_user_id(user_id))
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--user") from None
    if settings.has_issuer:
        raise CommandError("An issuer is configured (CLIPGRAPH_AUTH_…), and the server accepts only its tokens.")
    try:
        make_data_directory(settings.data_dir)
    except OSError as error:
        raise CommandError(f"Cannot use {settings.data_dir} ({error.strerror}).") from None
    print_line(mint_token(settings.data_dir, user_id, Role(role), int(expires_in.total_seconds())))


def _print_api_key(name: str, role: str) -> None:
    from gql.authentication.api_keys import make_api_key

    key, sha256 = make_api_key()
    try:
        entry = ApiKeySettings.model_validate({"name": name, "sha256": sha256, "role": role})
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"], param_hint="--api-key") from None
    print_line(key)
    print_line(
        f"The key is shown only once. Its entry in CLIPGRAPH_AUTH_API_KEYS: {json.dumps(entry.model_dump())}", err=True
    )
