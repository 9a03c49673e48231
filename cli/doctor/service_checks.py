"""Firestore, its indexes, R2 and the clock, asked as the server would ask them."""

import asyncio
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import product

import httpx

from cli.doctor.findings import Finding
from gql.services import Services
from repositories.exceptions import RepositoryError, UnavailableError
from repositories.models import ClipStatus, VideoStatus
from repositories.paging.orders import ClipOrder, VideoOrder
from storage.exceptions import BucketNotFoundError, StorageError, StorageUnavailableError

# Nobody's: a user id under which nothing is stored, so that the questions cost nothing to speak of.
NOBODY = "clipgraph-doctor"
MAX_SKEW_SECONDS = 60
"""Tokens are given a minute, and R2 refuses signatures that are a quarter of an hour off."""
CLOCK_TIMEOUT_SECONDS = 5.0


async def examine_firestore(services: Services) -> Finding:
    """Whether it answers, and lets us read."""
    try:
        await services.videos(NOBODY).assert_answers()
    except UnavailableError as error:
        advice = "Check FIRESTORE_EMULATOR_HOST, or the network to Google."
        return Finding("firestore", error.message, advice)
    except RepositoryError as error:
        advice = "Check GOOGLE_CLOUD_PROJECT and CLIPGRAPH_FIRESTORE_DATABASE, and grant the service account the role "
        return Finding("firestore", error.message, f"{advice}Cloud Datastore User (roles/datastore.user).")
    return Finding("firestore", "answers")


async def examine_indexes(services: Services) -> Finding:
    """Whether each of our own queries has the indexes that it needs."""
    queries = dict(list_queries(services))
    answers = await asyncio.gather(*queries.values(), return_exceptions=True)
    refused = {name: answer for name, answer in zip(queries, answers, strict=True) if isinstance(answer, BaseException)}
    if not refused:
        return Finding("indexes", f"all {len(queries)} queries have their indexes")
    name, error = next(iter(refused.items()))
    message = f"{len(refused)} of {len(queries)} queries fail, such as {name}: {error}"
    advice = "Deploy firestore.indexes.json (firebase deploy --only firestore:indexes), and wait until they are built."
    return Finding("indexes", message, advice)


def list_queries(services: Services) -> Iterator[tuple[str, Awaitable[object]]]:
    """Each kind of query that the repositories make, by name."""
    videos, clips = services.videos(NOBODY), services.clips(NOBODY, NOBODY)
    for video_status, video_order in product((None, VideoStatus.COMPLETED), VideoOrder):
        name = f"videos by {video_order.name}{' of a status' * (video_status is not None)}"
        yield name, videos.list_videos(status=video_status, order_by=video_order, limit=1)
    for status, style, order in product((None, ClipStatus.COMPLETED), (None, "split"), ClipOrder):
        filters = f"{' of a status' * (status is not None)}{' of a style' * (style is not None)}"
        yield f"clips by {order.name}{filters}", clips.list_clips(status=status, style=style, order_by=order, limit=1)
    for order in ClipOrder:
        yield f"several videos' clips by {order.name}", videos.list_clips_of_videos([NOBODY], order_by=order, limit=1)
    yield "unfinished deletes", videos.list_unfinished_deletes()
    yield "a count of clips", clips.count_clips(ClipStatus.COMPLETED, "split")


async def examine_r2(services: Services) -> Finding:
    """Whether it answers, knows our key, and has the bucket."""
    try:
        await services.storage.assert_answers()
    except BucketNotFoundError as error:
        return Finding("r2", str(error), "Create the bucket, or set CLIPGRAPH_R2_BUCKET to an existing one.")
    except StorageUnavailableError as error:
        advice = "Check CLIPGRAPH_R2_ENDPOINT_URL or CLIPGRAPH_R2_ACCOUNT_ID, and the network."
        return Finding("r2", str(error), advice)
    except StorageError as error:
        advice = "Check CLIPGRAPH_R2_ACCESS_KEY_ID and CLIPGRAPH_R2_SECRET_ACCESS_KEY: the token needs Object Read & "
        return Finding("r2", str(error), f"{advice}Write on this bucket.")
    return Finding("r2", f"the bucket {services.storage.bucket!r} exists")


async def examine_clock(endpoint_url: str) -> Finding:
    """Whether this clock agrees with R2's, by the Date of any answer of its."""
    try:
        async with httpx.AsyncClient(timeout=CLOCK_TIMEOUT_SECONDS) as client:
            date = (await client.head(endpoint_url)).headers["date"]
    except (httpx.HTTPError, KeyError):
        return Finding("clock", "R2 sent no date", "Fix the problem of r2, then run doctor again.")
    skew_seconds = round((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    if abs(skew_seconds) <= MAX_SKEW_SECONDS:
        return Finding("clock", "agrees with R2's")
    message = f"is {abs(skew_seconds)} s {'ahead of' if skew_seconds > 0 else 'behind'} R2's"
    return Finding("clock", message, "Set this machine's clock (NTP): signatures and tokens depend on it.")
