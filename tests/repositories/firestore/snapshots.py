"""Snapshots as google-cloud-firestore itself reads them, to hold our own reading against."""

from google.cloud.firestore import AsyncDocumentReference, DocumentSnapshot

from repositories.firestore.stored import StoredDocument


def to_stored(snapshot: DocumentSnapshot[AsyncDocumentReference]) -> StoredDocument:
    """The snapshot as our own reading has it."""
    return StoredDocument(snapshot.reference.path, snapshot.to_dict(), snapshot.create_time, snapshot.update_time)
