"""Uploads in parts that nobody goes on with: their parts are paid for, and no list of objects shows them."""

from collections.abc import AsyncIterator

from cli.reconcile.drift import Drift, DriftKind, Rules
from domain.keys import parse_key
from storage.r2 import MultipartUpload, R2Storage


async def find_stale_uploads(
    storage: R2Storage, user_id: str | None, rules: Rules
) -> AsyncIterator[tuple[Drift, MultipartUpload]]:
    """The user's, or all users', uploads that began so long ago that no worker still sends parts."""
    async for upload in storage.list_multipart_uploads("" if user_id is None else f"{user_id}/"):
        parsed = parse_key(upload.key)
        if parsed.user_id is None or parsed.video_id is None or not rules.check_is_stuck(upload.started_at):
            continue
        text = f"has been an open upload since {upload.started_at:%Y-%m-%d %H:%M}."
        yield Drift(DriftKind.STALE_UPLOAD, parsed.user_id, parsed.video_id, text, key=upload.key), upload
