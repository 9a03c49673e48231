"""The clips of a video. Every write keeps the video's statistics right in the same commit."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from google.cloud.firestore import AsyncCollectionReference, AsyncDocumentReference, FieldFilter
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.arguments import (
    parse_change,
    parse_clip,
    parse_clip_filter,
    parse_clip_status,
    parse_files,
    parse_guesses,
    parse_id,
    parse_ids,
    parse_instance,
    parse_list,
    parse_map,
    parse_style,
    parse_unit,
    parse_up_to,
)
from repositories.base import Repository, transaction_of
from repositories.client import FirestoreClient
from repositories.clip_creation import ClipCreation
from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipNotFoundError,
    RepositoryError,
    ValidationError,
    VideoNotFoundError,
)
from repositories.firestore.rpc import DEFAULT_TIMEOUT_SECONDS
from repositories.mapping.reader import read_clip, read_clip_document
from repositories.model.fields import utc_now
from repositories.model.guesses import GUESSES_FIELD, Guesses
from repositories.model.statuses import STATUS_FIELDS, ClipStatusChange, plan_status_change
from repositories.models import ClipMetadata, ClipStatus, plan_file_change
from repositories.paging.orders import ClipOrder
from repositories.paging.page import MAX_PAGE_SIZE, Page, PageRequest
from repositories.paging.page_query import PageQuery, filter_equal, filter_listed, read_page
from repositories.statistics import compute_difference, count_by_style, count_documents, negate
from repositories.tombstones import DELETING_STATUS, FileStore, list_file_keys, mark_clip_deleted
from repositories.unit_of_work import UnitOfWork

MAX_CLIPS_PER_BATCH = 200
CLIPS_PER_DELETING_COMMIT = 200

T = TypeVar("T")


class ClipRepository(Repository):
    """The clips of one video of one user."""

    def __init__(
        self,
        user_id: str,
        video_id: str,
        client: FirestoreClient | None = None,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(user_id, client, timeout_seconds)
        self.video_id = parse_id(video_id, "video_id")

    async def create_clip(
        self, clip: ClipMetadata, *, transaction: UnitOfWork | None = None
    ) -> tuple[ClipMetadata, bool]:
        """The clip as it is stored, and whether this call created it; see `create_clips_batch`."""
        checked = parse_clip(clip)
        self._assert_own(checked, ())
        return (await self._run_unlocked(self._creation([checked], transaction).add_all, transaction))[0]

    async def create_clips_batch(
        self, clips: Sequence[ClipMetadata], *, transaction: UnitOfWork | None = None
    ) -> list[tuple[ClipMetadata, bool]]:
        """Each clip as it is stored, and whether this call created it. All are there afterwards, or none is new.

        The same clips again are no error. `ClipAlreadyExistsError` where an id is taken by other content,
        `VideoNotFoundError` without the video, `ValidationError` for more than 200 clips or for duplicates.
        """
        batch = self._parse_batch(clips)
        if not batch:
            return []
        return await self._run_unlocked(self._creation(batch, transaction).add_all, transaction)

    async def try_create_clips(
        self,
        clips: Sequence[ClipMetadata],
        *,
        guesses: Mapping[str, Guesses] | None = None,
        transaction: UnitOfWork | None = None,
    ) -> list[tuple[ClipMetadata, bool] | ClipAlreadyExistsError]:
        """The outcome of each clip, as `create_clips_batch` answers it.

        A conflicting clip is listed as its error, and the others are created.

        `guesses` are marked on the new clips with these ids.
        """
        batch = self._parse_batch(clips)
        marks = {} if guesses is None else parse_map(guesses, "guesses")
        marked = {clip_id: parse_guesses(one, ClipMetadata, "guesses", str(clip_id)) for clip_id, one in marks.items()}
        creation = replace(self._creation(batch, transaction), guesses=marked)
        return await self._run_unlocked(creation.add_possible, transaction)

    async def correct_clip(
        self,
        known: ClipMetadata,
        changes: Mapping[str, Any],
        guesses: Guesses,
        *,
        transaction: UnitOfWork | None = None,
    ) -> ClipMetadata | None:
        """The clip with these fields, of which `guesses` stay marked; None where it is no longer as it is `known`.

        This is for an import: it also changes fields that have no call of their own. `ValidationError` for a value that
        cannot be, and for the status and what follows it.
        """
        parse_instance(known, ClipMetadata, "known")
        _assert_status_stays(changes)
        reference, marks = self._clip(known.clip_id), parse_guesses(guesses, ClipMetadata)
        changed = parse_clip(known.model_copy(update=dict(parse_map(changes, "changes"))))
        self._assert_own(changed, ())
        if changed.clip_id != known.clip_id:
            raise ValidationError("The id of a clip cannot change.", ("changes", "clip_id"))

        async def correct(unit: UnitOfWork) -> ClipMetadata | None:
            await self._read_clips_and_video(unit, [known.clip_id])
            data = await unit.get(reference)
            if data is None or read_clip(data) != known:
                return None
            unit.update(reference, {**changed.to_changes(changes), GUESSES_FIELD: marks})
            unit.add_to_statistics(self._video(self.video_id), compute_difference(known, changed))
            return changed

        return await self._run_unlocked(correct, transaction)

    async def get_clip(self, clip_id: str, *, transaction: UnitOfWork | None = None) -> ClipMetadata | None:
        """The clip, or None."""
        wanted = parse_id(clip_id, "clip_id")
        return (await self.get_clips([wanted], transaction=transaction)).get(wanted)

    async def get_clips(
        self, clip_ids: Iterable[str], *, transaction: UnitOfWork | None = None
    ) -> dict[str, ClipMetadata]:
        """The clips that are there, by id, in one RPC."""
        wanted = [self._clip(clip_id) for clip_id in parse_ids(clip_ids, "clip_ids")]
        unit = parse_unit(transaction) or UnitOfWork(self._rpc)
        found = await unit.get_all(wanted) if wanted else []
        clips = (read_clip(data) for data in found if data is not None)
        return {clip.clip_id: clip for clip in clips}

    async def list_clips(
        self,
        *,
        status: ClipStatus | str | None = None,
        style: str | None = None,
        order_by: ClipOrder | str = ClipOrder.PRIORITY_ASC,
        limit: int = MAX_PAGE_SIZE,
        cursor: str | None = None,
        before: str | None = None,
        from_end: bool = False,
        transaction: UnitOfWork | None = None,
    ) -> Page[ClipMetadata]:
        """The first clips, or with `from_end` the last ones, after `cursor` and before `before`, in their order.

        Orders are also taken as text: `"priority"`, `"-created_at"`. In a transaction they are as stored: without the
        writes that it has not committed.
        """
        order = ClipOrder.parse(order_by)
        page_query = PageQuery.parse(order, PageRequest(limit, cursor, before, from_end))
        filters = {"status": parse_clip_filter(status), "style": parse_style(style)}
        return await read_page(
            self._rpc, self._clips, filters, page_query, read_clip_document, transaction_of(transaction)
        )

    async def update_clip_status(
        self,
        clip_id: str,
        status: ClipStatus | str,
        *,
        error_message: str | None = None,
        file_size_bytes: int | None = None,
        has_thumbnail: bool | None = None,
        transaction: UnitOfWork | None = None,
    ) -> ClipMetadata:
        """The clip with its new status, and the given facts of its files. Its present status is no error.

        `InvalidStatusChangeError` where the state machine has no such step.
        """
        change = parse_change(
            ClipStatusChange(clip_id, parse_clip_status(status), error_message, file_size_bytes, has_thumbnail)
        )

        async def update(unit: UnitOfWork) -> ClipMetadata:
            await self._read_clips_and_video(unit, [change.clip_id])
            return await self._change_status(unit, change)

        return await self._run_unlocked(update, transaction)

    async def update_clip_statuses(
        self, changes: Sequence[ClipStatusChange], *, transaction: UnitOfWork | None = None
    ) -> list[ClipMetadata]:
        """Each clip with its new status, in one commit with one write on the video; all of them, or none.

        Errors are those of `update_clip_status`, and `ValidationError` for more than 200 changes or two of one clip.
        """
        parsed = self.parse_changes(changes)

        async def update(unit: UnitOfWork) -> list[ClipMetadata]:
            await self._read_clips_and_video(unit, [change.clip_id for change in parsed])
            return [await self._change_status(unit, change) for change in parsed]

        return await self._run_unlocked(update, transaction) if parsed else []

    async def try_update_clip_statuses(
        self, changes: Sequence[ClipStatusChange]
    ) -> list[ClipMetadata | RepositoryError]:
        """For each change, in one commit, the clip with its new status, or why it cannot be; the others are done.

        A clip may be there several times: its changes follow each other.
        """
        parsed = [parse_change(change, "clips", index) for index, change in enumerate(parse_list(changes, "clips"))]

        async def change_status(unit: UnitOfWork, change: ClipStatusChange) -> ClipMetadata | RepositoryError:
            try:
                return await self._change_status(unit, change)
            except RepositoryError as error:  # nothing is asked of Firestore here
                return error

        async def update(unit: UnitOfWork) -> list[ClipMetadata | RepositoryError]:
            await self._read_clips_and_video(unit, list(dict.fromkeys(change.clip_id for change in parsed)))
            return [await change_status(unit, change) for change in parsed]

        return await self._run_unlocked(update, None)

    async def delete_clip(self, clip_id: str, *, transaction: UnitOfWork | None = None) -> ClipMetadata:
        """The clip as it was; its document is gone, and its files are the caller's. See `delete_clip_with_files`.

        `ClipNotFoundError` where there is none.
        """
        wanted, given = self._clip(clip_id), parse_unit(transaction)

        async def delete(unit: UnitOfWork) -> ClipMetadata:
            clip = await self._take_out(unit, wanted.id)
            unit.delete(wanted)
            return clip

        return await (self._run_deleting(delete) if given is None else delete(given))

    async def delete_clip_with_files(self, clip_id: str, files: FileStore) -> None:
        """The clip is gone, with its files. `ClipNotFoundError` where there is none.

        It is in no list and no count from the first commit on. Where it is interrupted, the same call goes on.
        """
        parse_files(files)
        await self._run_deleting(lambda unit: self._mark_deleted(unit, clip_id))
        await self.finish_delete(clip_id, files)

    async def finish_delete(self, clip_id: str, files: FileStore) -> None:
        """A delete of the clip that has begun has ended; a clip that is not being deleted stays."""
        reference = self._clip(clip_id)
        parse_files(files)
        tombstone = await self._run_unlocked(lambda unit: unit.read_tombstone(reference), None)
        if tombstone is None:
            return
        await files.delete(list_file_keys(tombstone, self.user_id, self.video_id))

        async def delete(unit: UnitOfWork) -> None:
            # Another caller may have finished first, and created the clip again.
            if await unit.read_tombstone(reference) is not None:
                unit.delete(reference)

        await self._run_unlocked(delete, None)

    async def delete_all_clips(self) -> int:
        """The number of deleted clips; none is left. They are deleted in commits of 200, each with exact statistics.

        The caller deletes their files. Where it is interrupted, the same call goes on.
        """
        total = 0
        while deleted := await self._run_deleting(self._delete_some):
            total += deleted
        return total

    async def delete_clips_of_deleted_video(self) -> int:
        """The number of deleted clips, as from `delete_all_clips`, while the video is being deleted.

        The clips of a video that was created again stay.
        """
        video = self._video(self.video_id)

        async def delete_some(unit: UnitOfWork) -> int:
            return 0 if await unit.read_tombstone(video) is None else await self._delete_some(unit)

        total = 0
        while deleted := await self._run_locked(delete_some, None):
            total += deleted
        return total

    async def count_clips(
        self,
        status: ClipStatus | str | None = None,
        style: str | None = None,
        *,
        order_by: ClipOrder | str = ClipOrder.PRIORITY_ASC,
        up_to: int | None = None,
        transaction: UnitOfWork | None = None,
    ) -> int:
        """The number of clips of a list in this order, at most `up_to`; none is read, and a thousand cost one read."""
        filters = {"status": parse_clip_filter(status), "style": parse_style(style)}
        query = filter_listed(AsyncQuery(self._clips), filters, ClipOrder.parse(order_by))
        return await self._rpc.count(query, transaction_of(transaction), parse_up_to(up_to))

    async def mend_clip(self, clip_id: str) -> ClipMetadata:
        """The clip, whose odd fields are stored as they are shown, where that is certain; `mended` has the others.

        `ClipNotFoundError` where there is none.
        """
        parse_id(clip_id, "clip_id")

        async def mend(unit: UnitOfWork) -> ClipMetadata:
            data = await unit.get(self._clip(clip_id))
            if data is None:
                raise ClipNotFoundError(self.user_id, self.video_id, clip_id)
            clip = read_clip(data)
            video = await unit.get(self._video(self.video_id))
            return self._update(unit, clip, clip.list_certain_values(), has_video=video is not None)

        return await self._run_locked(mend, None)

    async def count_by_style(self, transaction: UnitOfWork) -> Counter[str]:
        """The completed clips by style, as statistics count them: each is read, with two of its fields."""
        completed = filter_equal(AsyncQuery(self._clips), {"status": ClipStatus.COMPLETED})
        # Of other programs: among them are those whose status is `COMPLETED`.
        others = FieldFilter("status", "not-in", [*map(str, ClipStatus), DELETING_STATUS])
        queries = completed, AsyncQuery(self._clips).where(filter=others)
        unit = parse_instance(transaction, UnitOfWork, "transaction")
        found = [await unit.run_query(query.select(["status", "style"])) for query in queries]
        return count_documents(one.fields or {} for documents in found for one in documents)

    @property
    def _clips(self) -> AsyncCollectionReference:
        return self._clips_of(self.video_id)

    def _clip(self, clip_id: str) -> AsyncDocumentReference:
        return self._clips.document(parse_id(clip_id, "clip_id"))

    def _parse_batch(self, clips: object) -> list[ClipMetadata]:
        batch = [parse_clip(clip, "clips", index) for index, clip in enumerate(_parse_batch(clips))]
        for index, clip in enumerate(batch):
            self._assert_own(clip, ("clips", index))
        _assert_unique([clip.clip_id for clip in batch], "filename")
        return batch

    def parse_changes(self, changes: object) -> list[ClipStatusChange]:
        """The changes, as one call of `update_clip_statuses` takes them; `ValidationError` otherwise."""
        parsed = [parse_change(change, "clips", index) for index, change in enumerate(_parse_batch(changes))]
        _assert_unique([change.clip_id for change in parsed], "clip_id")
        return parsed

    def _assert_own(self, clip: ClipMetadata, path: tuple[str | int, ...]) -> None:
        for name in ("user_id", "video_id"):
            if getattr(clip, name) != getattr(self, name):
                raise ValidationError("The clip belongs to another video.", (*path, name))

    def _creation(self, clips: Sequence[ClipMetadata], transaction: UnitOfWork | None) -> ClipCreation:
        parent = self._clips
        references = {parent.document(clip.clip_id): clip for clip in clips}
        # A caller's transaction is committed once: there is no other run, in which to look.
        return ClipCreation(self.user_id, self._video(self.video_id), references, expects_none=transaction is None)

    async def _read_clips_and_video(self, unit: UnitOfWork, clip_ids: Sequence[str]) -> None:
        """The unit has read them, in one RPC; `VideoNotFoundError` without the video."""
        video, *_ = await unit.get_all([self._video(self.video_id), *map(self._clip, clip_ids)])
        if video is None:
            raise VideoNotFoundError(self.user_id, self.video_id)

    async def _change_status(self, unit: UnitOfWork, change: ClipStatusChange) -> ClipMetadata:
        data = await unit.get(self._clip(change.clip_id))
        if data is None:
            raise ClipNotFoundError(self.user_id, self.video_id, change.clip_id)
        clip = read_clip(data)
        if change.created_at not in {None, clip.created_at}:
            # Deleted with its files, and created again: the facts of its files are outdated.
            raise ClipNotFoundError(self.user_id, self.video_id, change.clip_id)
        of_files = plan_file_change(clip, file_size_bytes=change.file_size_bytes, has_thumbnail=change.has_thumbnail)
        of_status = plan_status_change(
            clip.status,
            change.status,
            now=utc_now(),
            error_message=change.error_message,
            rendered_at=_find_render(clip, change, has_other_size="file_size_bytes" in of_files),
            is_mended=clip.check_is_mended("status"),
        )
        return self._update(unit, clip, of_status | of_files)

    def _update(
        self, unit: UnitOfWork, clip: ClipMetadata, changes: dict[str, Any], *, has_video: bool = True
    ) -> ClipMetadata:
        if not changes:
            return clip
        changed = clip.model_copy(update=changes)
        # First, because it may refuse: then nothing of the clip is buffered.
        if has_video:
            unit.add_to_statistics(self._video(self.video_id), compute_difference(clip, changed))
        unit.update(self._clip(clip.clip_id), changed.to_changes({*changes, "file_size_mb"}))
        return changed

    async def _run_deleting(self, function: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """The function's answer, in a commit that locks nothing, unless the clips have no video.

        A video that is created meanwhile would not be written with the clip, and keep a version that shows it. Only
        a lock holds a document that is missing.
        """
        try:
            return await self._run_unlocked(function, None)
        except _VideoIsMissingError:
            return await self._run_locked(function, None)

    async def _take_out(self, unit: UnitOfWork, clip_id: str) -> ClipMetadata:
        """The clip, which will be counted out of the statistics."""
        data, video = await unit.get_all([self._clip(clip_id), self._video(self.video_id)])
        if data is None:
            raise ClipNotFoundError(self.user_id, self.video_id, clip_id)
        clip = read_clip(data)
        if _check_has_video(unit, video):
            unit.add_to_statistics(self._video(self.video_id), negate(count_by_style([clip])))
        return clip

    async def _mark_deleted(self, unit: UnitOfWork, clip_id: str) -> None:
        """The clip will be a tombstone, if it is none yet."""
        if await unit.read_tombstone(self._clip(clip_id)) is None:
            unit.replace(self._clip(clip_id), mark_clip_deleted(await self._take_out(unit, clip_id)))

    async def _delete_some(self, unit: UnitOfWork) -> int:
        video = await unit.get(self._video(self.video_id))
        documents = await unit.run_query(AsyncQuery(self._clips).limit(CLIPS_PER_DELETING_COMMIT))
        for document in documents:
            unit.delete(self._clips.document(document.id), update_time=document.update_time)
        if documents and _check_has_video(unit, video):
            counted = count_documents(document.fields or {} for document in documents)
            unit.add_to_statistics(self._video(self.video_id), negate(counted))
        return len(documents)


def _parse_batch(items: object) -> list[object]:
    """The items of one call's list."""
    batch = parse_list(items, "clips")
    if len(batch) > MAX_CLIPS_PER_BATCH:
        raise ValidationError(f"A call takes at most {MAX_CLIPS_PER_BATCH} clips.", ("clips",))
    return batch


def _find_render(clip: ClipMetadata, change: ClipStatusChange, *, has_other_size: bool) -> datetime | None:
    """When the files of a completed clip were replaced, if they were: its URLs follow that time."""
    rendered_at = change.files_changed_at or (utc_now() if has_other_size else None)
    is_later = rendered_at is not None and (clip.completed_at is None or rendered_at > clip.completed_at)
    return rendered_at if is_later else None


def _assert_unique(clip_ids: Sequence[str], name: str) -> None:
    """Raises ValidationError at the second of two clips that are one."""
    seen: set[str] = set()
    for index, clip_id in enumerate(clip_ids):
        if clip_id in seen:
            raise ValidationError("The list contains this clip twice.", ("clips", index, name))
        seen.add(clip_id)


def _assert_status_stays(changes: object) -> None:
    """Raises ValidationError for a change of the status: `update_clip_status` is the way."""
    for name in parse_map(changes, "changes"):
        if name in STATUS_FIELDS:
            raise ValidationError("This field changes with the status only.", ("changes", str(name)))


class _VideoIsMissingError(Exception):
    """The clips have no video, and nothing keeps one from being created meanwhile."""


def _check_has_video(unit: UnitOfWork, video: dict[str, Any] | None) -> bool:
    if video is None and unit.transaction is None:
        raise _VideoIsMissingError
    return video is not None
