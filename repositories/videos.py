"""A user's videos."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.cloud.firestore_v1.async_query import AsyncQuery

from domain.keys import folder_prefix
from repositories.arguments import (
    assert_flag,
    parse_clip_filter,
    parse_error_message,
    parse_files,
    parse_guesses,
    parse_id,
    parse_id_pairs,
    parse_ids,
    parse_instance,
    parse_instances,
    parse_map,
    parse_style,
    parse_unit,
    parse_up_to,
    parse_video,
    parse_video_filter,
    parse_video_status,
)
from repositories.base import Repository, transaction_of
from repositories.cache.clip_cache import ClipCache
from repositories.cache.clip_sets import Filter
from repositories.cache.video_cache import VideoCache
from repositories.client import FirestoreClient
from repositories.clip_pages import ClipPages
from repositories.clips import ClipRepository
from repositories.exceptions import (
    ValidationError,
    VideoAlreadyExistsError,
    VideoBeingDeletedError,
    VideoNotFoundError,
)
from repositories.firestore import paths
from repositories.firestore.rpc import DEFAULT_TIMEOUT_SECONDS
from repositories.mapping.reader import read_clip_document, read_video, read_video_document
from repositories.model.fields import utc_now
from repositories.model.guesses import GUESSES_FIELD, Guesses, mark_guesses
from repositories.model.statuses import plan_status_change
from repositories.model.validation import validate_model
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.paging.orders import ClipOrder, VideoOrder
from repositories.paging.page import Page, PageRequest
from repositories.paging.page_query import PageQuery, filter_equal, filter_listed, read_page
from repositories.tombstones import DELETING_STATUS, FileStore, UnfinishedDelete, check_is_deleting, mark_video_deleted
from repositories.unit_of_work import UnitOfWork

UPDATABLE_FIELDS = frozenset(
    {"video_url", "video_title", "youtube_id", "highlights_count", "highlights_summary", "custom_prompt"}
    | {"styles_processed", "crop_mode", "target_aspect", "highlights_json_key"}
)


class VideoRepository(Repository):
    """The videos of one user."""

    def __init__(
        self,
        user_id: str,
        client: FirestoreClient | None = None,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        clip_cache: ClipCache | None = None,
        video_cache: VideoCache | None = None,
    ) -> None:
        super().__init__(user_id, client, timeout_seconds)
        self._clip_cache = clip_cache
        self._read_document = read_video_document if video_cache is None else video_cache.read

    async def create_video(
        self, video: VideoMetadata, *, guesses: Guesses | None = None, transaction: UnitOfWork | None = None
    ) -> tuple[VideoMetadata, bool]:
        """The video as it is stored, and whether this call created it; its statistics begin at zero.

        The same video again is no error; `guesses` are marked on a new one. `VideoAlreadyExistsError` where its id is
        taken by other content.
        """
        new, marks = self._parse_own(video), parse_guesses(guesses, VideoMetadata)

        async def create(unit: UnitOfWork) -> tuple[VideoMetadata, bool]:
            stored = await unit.get(self._video(new.video_id))
            if stored is None:
                return self._create(unit, new, marks), True
            known = read_video(stored)
            if differences := new.list_differing_fields(known):
                raise VideoAlreadyExistsError(new.video_id, differences)
            return known, False

        return await self._run_unlocked(create, transaction)

    async def create_or_update_video(
        self, video: VideoMetadata, *, transaction: UnitOfWork | None = None
    ) -> VideoMetadata:
        """The video as it is stored: new, or changed in the given fields.

        Statistics, creation and other fields stay as they are; a given status follows the state machine.
        """
        new = self._parse_own(video)

        async def create_or_update(unit: UnitOfWork) -> VideoMetadata:
            stored = await unit.get(self._video(new.video_id))
            if stored is None:
                return self._create(unit, new)
            known = read_video(stored)
            changes = _pick_updates(new, new.model_fields_set)
            if "status" in new.model_fields_set:
                now = new.completed_at or new.failed_at or utc_now()
                changes |= plan_status_change(known.status, new.status, now=now, error_message=new.error_message)
            return self._update(unit, known, changes)

        return await self._run_locked(create_or_update, transaction)

    async def update_video(
        self, video_id: str, changes: Mapping[str, object], *, transaction: UnitOfWork | None = None
    ) -> VideoMetadata:
        """The video with its fields changed; the YouTube id follows the address.

        `ValidationError` for a value that cannot be, or a field that has its own call or none: ids, status, statistics.
        """
        for name in parse_map(changes, "changes"):
            if name not in UPDATABLE_FIELDS:
                raise ValidationError("This field cannot be updated.", (str(name),))
        own_ids = {"user_id": self.user_id, "video_id": parse_id(video_id, "video_id")}
        # Only given values are validated: this caller need not mend values of an older version.
        updates = _pick_updates(validate_model(VideoMetadata, {**changes, **own_ids}), changes)

        async def update(unit: UnitOfWork) -> VideoMetadata:
            return self._update(unit, await self._get_video(unit, video_id), updates)

        return await self._run_locked(update, transaction)

    async def correct_video(
        self,
        known: VideoMetadata,
        changes: Mapping[str, Any],
        guesses: Guesses,
        *,
        transaction: UnitOfWork | None = None,
    ) -> VideoMetadata | None:
        """The video with these fields, of which `guesses` stay marked; None where they are not as in `known` any more.

        `ValidationError` for a value that cannot be, `VideoNotFoundError` where there is none.
        """
        parse_instance(known, VideoMetadata, "known")
        own_ids = {"user_id": self.user_id, "video_id": parse_id(known.video_id, "video_id")}
        values = {**parse_map(changes, "changes"), **own_ids}
        updates, marks = (
            _pick_updates(validate_model(VideoMetadata, values), changes),
            parse_guesses(guesses, VideoMetadata),
        )

        async def correct(unit: UnitOfWork) -> VideoMetadata | None:
            video = await self._get_video(unit, known.video_id)
            if any(getattr(video, name) != getattr(known, name) for name in updates):
                return None
            changed = self._update(unit, video, updates)
            unit.update(self._video(known.video_id), {GUESSES_FIELD: marks})
            return changed

        return await self._run_locked(correct, transaction)

    async def get_video(self, video_id: str, *, transaction: UnitOfWork | None = None) -> VideoMetadata | None:
        """The video, or None."""
        wanted = parse_id(video_id, "video_id")
        found = await self.get_videos([wanted], transaction=transaction)
        return found.get(wanted)

    async def get_videos(
        self, video_ids: Iterable[str], *, transaction: UnitOfWork | None = None
    ) -> dict[str, VideoMetadata]:
        """The videos that are there, by id, in one RPC."""
        wanted = [self._video(video_id) for video_id in parse_ids(video_ids, "video_ids")]
        unit = parse_unit(transaction)
        if not wanted:
            return {}
        found: Iterable[VideoMetadata | None]
        if unit is None:
            found = map(self._read_document, await self._rpc.get_all(wanted))
        else:
            found = (None if data is None else read_video(data) for data in await unit.get_all(wanted))
        return {video.video_id: video for video in found if video is not None}

    async def get_clips(self, clip_ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ClipMetadata]:
        """The clips that are there, by the ids of their video and their own, in one RPC for all videos."""
        pairs = parse_id_pairs(clip_ids, "clip_ids")
        wanted = [self._clips_of(video_id).document(clip_id) for video_id, clip_id in pairs]
        found = map(read_clip_document, await self._rpc.get_all(wanted) if wanted else [])
        return {(clip.video_id, clip.clip_id): clip for clip in found if clip is not None}

    async def list_videos(
        self,
        *,
        status: VideoStatus | str | None = None,
        limit: int = 20,
        order_by: VideoOrder | str = VideoOrder.CREATED_AT_DESC,
        cursor: str | None = None,
        before: str | None = None,
        from_end: bool = False,
        is_timed: bool = False,
        transaction: UnitOfWork | None = None,
    ) -> Page[VideoMetadata]:
        """The first videos, or with `from_end` the last ones, after `cursor` and before `before`, in their order.

        Orders are also taken as text: `"video_title"`, `"-created_at"`. In a transaction they are as stored: without
        the writes that it has not committed. With `is_timed`, the page and its videos have the time of the read.
        """
        order = VideoOrder.parse(order_by)
        assert_flag(is_timed, "is_timed")
        page_query = PageQuery.parse(order, PageRequest(limit, cursor, before, from_end))
        filters = {"status": parse_video_filter(status)}
        return await read_page(
            self._rpc,
            self._videos,
            filters,
            page_query,
            self._read_document,
            transaction_of(transaction),
            is_timed=is_timed,
        )

    async def list_clips_of_videos(
        self,
        video_ids: Iterable[str],
        *,
        status: ClipStatus | str | None = ClipStatus.COMPLETED,
        style: str | None = None,
        order_by: ClipOrder | str = ClipOrder.PRIORITY_ASC,
        limit: int = 100,
    ) -> dict[str, Page[ClipMetadata]]:
        """The first clips of each of the videos, by video id; an empty page for a video without any.

        For completed clips one RPC for 30 videos, however many clips they have, and one for the videos: it reads every
        clip that the filters leave. For a few clips of a video that has thousands, `list_clips` reads less. Clips of
        another status cost an RPC for each video.
        """
        page_query = PageQuery.parse(ClipOrder.parse(order_by), PageRequest(limit))
        wanted = parse_ids(video_ids, "video_ids")
        return await self._clip_pages(status, style, page_query).read_groups(wanted, self.get_videos)

    async def list_clips(
        self,
        videos: Iterable[VideoMetadata],
        *,
        status: ClipStatus | str | None = ClipStatus.COMPLETED,
        style: str | None = None,
        order_by: ClipOrder | str = ClipOrder.PRIORITY_ASC,
        limit: int = 100,
        cursor: str | None = None,
        before: str | None = None,
        from_end: bool = False,
    ) -> dict[str, Page[ClipMetadata]]:
        """The page of each of the videos, by its id, as `ClipRepository.list_clips` answers it.

        One round trip for all videos; a second one for a video with many clips that are not completed; none for videos
        whose clips are cached in this version.
        """
        order, wanted = ClipOrder.parse(order_by), parse_instances(videos, VideoMetadata, "videos")
        page_query = PageQuery.parse(order, PageRequest(limit, cursor, before, from_end))
        return await self._clip_pages(status, style, page_query).read(wanted)

    def find_clips(
        self,
        videos: Sequence[VideoMetadata],
        *,
        status: ClipStatus | str | None = ClipStatus.COMPLETED,
        style: str | None = None,
        order_by: ClipOrder | str = ClipOrder.PRIORITY_ASC,
        limit: int = 100,
        cursor: str | None = None,
        before: str | None = None,
        from_end: bool = False,
    ) -> dict[str, Page[ClipMetadata]]:
        """The pages of `list_clips` for the videos whose clips are cached, without waiting."""
        order, wanted = ClipOrder.parse(order_by), parse_instances(videos, VideoMetadata, "videos")
        page_query = PageQuery.parse(order, PageRequest(limit, cursor, before, from_end))
        return self._clip_pages(status, style, page_query).find_cached(wanted)

    def _clip_pages(self, status: ClipStatus | str | None, style: str | None, page_query: PageQuery) -> ClipPages:
        wanted = Filter(parse_clip_filter(status), parse_style(style))
        return ClipPages(self._rpc, self.user_id, wanted, page_query, self._clip_cache)

    async def update_video_status(
        self,
        video_id: str,
        status: VideoStatus | str,
        *,
        error_message: str | None = None,
        transaction: UnitOfWork | None = None,
    ) -> VideoMetadata:
        """The video with its new status, and the times that follow it. The status that it has already is no error.

        `InvalidStatusChangeError` where the state machine has no such step.
        """
        wanted, new_status = parse_id(video_id, "video_id"), parse_video_status(status)
        message = parse_error_message(error_message)

        async def update(unit: UnitOfWork) -> VideoMetadata:
            video = await self._get_video(unit, wanted)
            is_mended = video.check_is_mended("status")
            changes = plan_status_change(
                video.status, new_status, now=utc_now(), error_message=message, is_mended=is_mended
            )
            return self._update(unit, video, changes)

        return await self._run_locked(update, transaction)

    async def update_clip_statistics(self, video_id: str, *, transaction: UnitOfWork | None = None) -> VideoMetadata:
        """The video, whose statistics equal a count of its completed clips, taken in the same transaction.

        In the caller's, that is the count as it will be once that is committed.
        """
        reference = self._video(video_id)
        clips = self._clip_repository(video_id)

        async def recount(unit: UnitOfWork) -> VideoMetadata:
            video = await self._get_video(unit, video_id)
            counted = await clips.count_by_style(unit)
            stored = _to_statistics(counted)
            is_odd = video.check_is_mended("clips_count") or video.check_is_mended("clips_by_style")
            counted.update(unit.get_difference(reference))
            if not is_odd and (video.clips_count, video.clips_by_style) == (counted.total(), dict(+counted)):
                return video
            # Buffered changes are added to it in the same commit.
            unit.update(reference, {**stored, "updated_at": utc_now()})
            changed = await self._get_video(unit, video_id)
            unit.on_commit(changed.set_snapshot_time)
            return changed

        return await self._run_locked(recount, transaction)

    async def mend_video(self, video_id: str) -> VideoMetadata:
        """The video, whose odd fields are stored as they are shown, where that is certain; `mended` has the others.

        Odd statistics are counted anew. `VideoNotFoundError` where there is none.
        """
        clips = self._clip_repository(parse_id(video_id, "video_id"))

        async def mend(unit: UnitOfWork) -> VideoMetadata:
            video = await self._get_video(unit, video_id)
            values = video.list_certain_values()
            if values.keys() & {"clips_count", "clips_by_style"}:
                values |= _to_statistics(await clips.count_by_style(unit))
            return self._update(unit, video, values)

        return await self._run_locked(mend, None)

    async def delete_video(self, video_id: str, files: FileStore | None = None) -> int:
        """The number of clips that were deleted with the video; their documents are gone, and in `files` their files.

        It is in no list and no count from the first commit on, and takes no new clips. Where it is interrupted, the
        same call goes on. Without `files`, the caller deletes them.
        """
        parse_id(video_id, "video_id")
        store = None if files is None else parse_files(files)
        await self._run_locked(lambda unit: self._mark_deleted(unit, video_id), None)
        return await self._finish_delete(video_id, store)

    async def list_unfinished_deletes(self) -> list[UnfinishedDelete]:
        """Videos and clips whose delete has begun and has not ended, videos first."""
        videos = filter_equal(AsyncQuery(self._videos), {"status": DELETING_STATUS})
        filters = {"user_id": self.user_id, "status": DELETING_STATUS}
        clips = filter_equal(paths.get_clip_group(self._rpc.client), filters)
        found = await asyncio.gather(self._rpc.run_query(videos), self._rpc.run_query(clips))
        return [
            UnfinishedDelete.from_document(document)
            for documents in found
            for document in documents
            if paths.check_is_owned(document.path, self.user_id) and check_is_deleting(document.fields)
        ]

    async def finish_delete(self, unfinished: UnfinishedDelete, files: FileStore) -> None:
        """The delete has ended. A delete that had ended already is no error, and documents created since stay."""
        parse_files(files)
        parse_instance(unfinished, UnfinishedDelete, "unfinished")
        if unfinished.clip_id is None:
            await self._finish_delete(unfinished.video_id, files)
        else:
            await self._clip_repository(unfinished.video_id).finish_delete(unfinished.clip_id, files)

    async def count_videos(
        self,
        status: VideoStatus | str | None = None,
        *,
        order_by: VideoOrder | str = VideoOrder.CREATED_AT_DESC,
        up_to: int | None = None,
        transaction: UnitOfWork | None = None,
    ) -> int:
        """The number of videos of a list in this order, at most `up_to`; none is read, and a thousand cost one read."""
        order = VideoOrder.parse(order_by)
        query = filter_listed(AsyncQuery(self._videos), {"status": parse_video_filter(status)}, order)
        return await self._rpc.count(query, transaction_of(transaction), parse_up_to(up_to))

    async def assert_answers(self) -> None:
        """Firestore answers; `UnavailableError` or another `RepositoryError` where it does not."""
        await self._rpc.get_all([self._video("check")])

    def _clip_repository(self, video_id: str) -> ClipRepository:
        return ClipRepository(self.user_id, video_id, self._client, timeout_seconds=self._timeout_seconds)

    async def _finish_delete(self, video_id: str, files: FileStore | None) -> int:
        """The number of clips that were deleted; the tombstone and all documents below it are gone."""
        clips, folder = self._clip_repository(video_id), folder_prefix(self.user_id, video_id)
        any_clip = AsyncQuery(self._clips_of(video_id)).select([]).limit(1)

        async def check_is_deleting(unit: UnitOfWork) -> bool:
            return await unit.read_tombstone(self._video(video_id)) is not None

        async def delete_if_empty(unit: UnitOfWork) -> None:
            if await check_is_deleting(unit) and not await unit.run_query(any_clip):
                unit.delete(self._video(video_id))

        deleted_clips = 0
        # Again where a worker's commit was under way: in the last transaction none can come after the look.
        while await self._run_unlocked(check_is_deleting, None):
            deleted_clips += await clips.delete_clips_of_deleted_video()
            if files is not None:
                await files.delete_prefix(folder)
            await self._run_locked(delete_if_empty, None)
        return deleted_clips

    async def _mark_deleted(self, unit: UnitOfWork, video_id: str) -> None:
        """The video will be a tombstone, if it is none yet."""
        reference = self._video(video_id)
        if await unit.read_tombstone(reference) is not None:
            return
        if await unit.get(reference) is None:
            raise VideoNotFoundError(self.user_id, video_id)
        unit.replace(reference, mark_video_deleted(self.user_id, video_id))

    def _parse_own(self, video: object) -> VideoMetadata:
        checked = parse_video(video)
        if checked.user_id != self.user_id:
            raise ValidationError("The video belongs to another user.", ("user_id",))
        return checked

    def _create(self, unit: UnitOfWork, video: VideoMetadata, guesses: Guesses | None = None) -> VideoMetadata:
        if unit.find_tombstone(self._video(video.video_id)):
            raise VideoBeingDeletedError(video.video_id)
        new = video.model_copy(update={"clips_count": 0, "clips_by_style": {}, "updated_at": utc_now()})
        unit.create(self._video(video.video_id), mark_guesses(new.to_document(), guesses))
        unit.on_commit(new.set_snapshot_time)
        return new

    def _update(self, unit: UnitOfWork, video: VideoMetadata, updates: Mapping[str, Any]) -> VideoMetadata:
        changes = {
            name: value
            for name, value in updates.items()
            if value != getattr(video, name) or video.check_is_mended(name)
        }
        if not changes:
            return video
        changed = video.model_copy(update={**changes, "updated_at": utc_now()})
        unit.update(self._video(video.video_id), changed.to_changes({*changes, "updated_at"}))
        unit.on_commit(changed.set_snapshot_time)
        return changed


def _to_statistics(counted: Counter[str]) -> dict[str, Any]:
    return {"clips_count": counted.total(), "clips_by_style": dict(counted)}


def _pick_updates(video: VideoMetadata, given: Iterable[str]) -> dict[str, Any]:
    """The values of the given fields that can be updated, and of the fields that follow from them."""
    names = {name for name in given if name in UPDATABLE_FIELDS}
    if "video_url" in names:
        names.add("youtube_id")
    return {name: getattr(video, name) for name in names}
