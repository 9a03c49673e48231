"""The embedded servers, as settings: what makes the same clients talk to this machine instead of the cloud."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError

from cli.output import CommandError
from embedded.stack import EmbeddedError, Endpoints, connect_or_start
from settings import ConfigurationError, Settings

# An id of the `demo-` kind can never be a real project's.
EMBEDDED_PROJECT = "demo-clipgraph"
# What production enforces: see docs/decisions/.
INDEXES_FILE = Path(__file__).parent.parent / "firestore.indexes.json"


def load_settings(**given: object) -> Settings:
    """The environment's settings, with what the command line gave on top; `ConfigurationError` where they cannot be."""
    settings = _parse_settings(given)
    settings.assert_complete()
    return settings


def find_data_dir(given: Path | None) -> Path:
    """The data directory of the command line, or else of the settings, which need not be complete."""
    try:
        return given or _parse_settings({}).data_dir
    except ConfigurationError as error:
        raise CommandError(str(error)) from None


def _parse_settings(given: Mapping[str, object]) -> Settings:
    try:
        settings = Settings()
        chosen = {name: value for name, value in given.items() if value is not None}
        return Settings.model_validate({**settings.model_dump(), **chosen})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix("CLIPGRAPH_")
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"CLIPGRAPH_{name}: {reason}.") from None


def with_endpoints(settings: Settings, endpoints: Endpoints) -> Settings:
    """The settings that lead to embedded servers."""
    return settings.model_copy(
        update={
            "google_cloud_project": EMBEDDED_PROJECT,
            "firestore_emulator_host": endpoints.firestore_host_port,
            "r2_endpoint_url": endpoints.r2_endpoint_url,
            "r2_bucket": endpoints.r2_bucket,
            "r2_access_key_id": endpoints.r2_access_key_id,
            "r2_secret_access_key": SecretStr(endpoints.r2_secret_access_key),
        }
    )


@contextlib.contextmanager
def connect_services(data_dir: Path | None) -> Iterator[Settings]:
    """Settings that lead to Firestore and R2, for a command that touches data.

    Embedded, these are the servers that run over the data directory, or servers of the command's own.
    """
    try:
        settings = load_settings(data_dir=data_dir)
        if not settings.is_embedded:
            yield settings
            return
        with connect_or_start(settings.data_dir, indexes_file=INDEXES_FILE) as endpoints:
            yield with_endpoints(settings, endpoints)
    except (ConfigurationError, EmbeddedError) as error:
        raise CommandError(str(error)) from None
