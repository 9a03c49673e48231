"""R2's token changes while the server runs: the file that holds it is read again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from gql.logs.configure import hide_in_logs
from settings import ConfigurationError, R2Settings, Settings
from storage.r2 import R2Storage

log = structlog.get_logger(__name__)

# A file that is mounted from a secret changes within a minute or so of the secret: a few seconds more are nothing.
CHECK_SECONDS = 5.0


@contextlib.asynccontextmanager
async def follow_credentials(settings: Settings, storage: R2Storage) -> AsyncIterator[None]:
    """Within the block, the storage signs with the credentials in the settings' file, if they name one."""
    if settings.r2_credentials_file is None:
        yield
        return
    following = asyncio.create_task(_follow(settings, storage))
    try:
        yield
    finally:
        following.cancel()


async def _follow(settings: Settings, storage: R2Storage) -> None:
    current = settings.resolve_r2()
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        current = await _read_again(settings, storage, current)


async def _read_again(settings: Settings, storage: R2Storage, current: R2Settings) -> R2Settings:
    """The credentials in force; an unreadable or half-written file changes nothing."""
    try:
        found = await asyncio.to_thread(settings.resolve_r2)
    except ConfigurationError as error:
        log.warning("r2_credentials_unreadable", reason=str(error))
        return current
    if found != current:
        hide_in_logs(found.access_key_id, found.secret_access_key)
        storage.rotate(found.access_key_id, found.secret_access_key)
        log.info("r2_credentials_rotated")
    return found
