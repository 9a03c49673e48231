"""Which Firestore documents are taken from or brought to, at the level of its gRPC API."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from cli.output import CommandError
from cli.stack import EMBEDDED_PROJECT, INDEXES_FILE
from embedded.stack import EmbeddedError, connect_or_start
from settings import Settings


@dataclass(frozen=True, slots=True)
class Database:
    """A database of a Firestore; `name` is `projects/…/databases/…`."""

    api: FirestoreClient
    name: str

    @property
    def root(self) -> str:
        """The prefix of its documents' names, up to a slash."""
        return f"{self.name}/documents"


@contextlib.contextmanager
def connect_database(data_dir: Path | None, project: str | None, database: str | None) -> Iterator[Database]:
    """The database of the Firestore that the settings describe.

    Embedded, that is the server that runs over the data directory, or one that runs as long as the context.
    """
    settings = Settings()
    database = database or settings.firestore_database
    if not settings.is_embedded:
        yield _connect(settings.firestore_emulator_host, project or settings.google_cloud_project, database)
        return
    try:
        with connect_or_start(data_dir or settings.data_dir, indexes_file=INDEXES_FILE) as endpoints:
            yield _connect(endpoints.firestore_host_port, project or EMBEDDED_PROJECT, database)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None


def _connect(emulator_host: str | None, project: str | None, database: str) -> Database:
    if project is None:
        raise CommandError("Pass --project, or set GOOGLE_CLOUD_PROJECT.")
    name = f"projects/{project}/databases/{database}"
    if emulator_host is None:
        return Database(FirestoreClient(), name)
    channel = grpc.insecure_channel(emulator_host)
    return Database(FirestoreClient(transport=FirestoreGrpcTransport(channel=channel)), name)
