"""Clips that are created in one commit.

Nearly always all of them are new. So the first run reads only the video, and the commit checks that no clip exists: it
is refused otherwise, and the next run reads and compares all. This saves a document read per clip.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.cloud.firestore import AsyncDocumentReference

from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipBeingDeletedError,
    DocumentTooLargeError,
    VideoNotFoundError,
)
from repositories.mapping.reader import read_clip
from repositories.model.guesses import Guesses, mark_guesses
from repositories.models import ClipMetadata
from repositories.statistics import count_by_style
from repositories.unit_of_work import UnitOfWork

Created = tuple[ClipMetadata, bool]
"""The clip as it is stored, and whether it is new."""


@dataclass
class ClipCreation:
    """Clips of a video, by their ids' references, that are to be there after the commit."""

    user_id: str
    video: AsyncDocumentReference
    clips: Mapping[AsyncDocumentReference, ClipMetadata]
    expects_none: bool
    """Whether the next run takes for granted that none of them is stored."""

    guesses: Mapping[str, Guesses] = field(default_factory=dict)
    """The guessed fields of the clips, by their ids."""

    async def add_all(self, unit: UnitOfWork) -> list[Created]:
        """The unit creates the new clips; `ClipAlreadyExistsError`, and it creates none, where one conflicts."""
        created: list[Created] = []
        for outcome in await self._plan(unit):
            if isinstance(outcome, ClipAlreadyExistsError):
                raise outcome
            created.append(outcome)
        self._add(unit, created)
        return created

    async def add_possible(self, unit: UnitOfWork) -> list[Created | ClipAlreadyExistsError]:
        """The unit creates the new clips; each conflicting one is listed as its error."""
        outcomes = await self._plan(unit)
        self._add(unit, [outcome for outcome in outcomes if not isinstance(outcome, ClipAlreadyExistsError)])
        return outcomes

    async def _plan(self, unit: UnitOfWork) -> list[Created | ClipAlreadyExistsError]:
        looked_up = [] if self.expects_none else list(self.clips)
        self.expects_none = False
        video, *stored = await unit.get_all([self.video, *looked_up])
        if video is None:
            raise VideoNotFoundError(self.user_id, self.video.id)
        if not looked_up:
            return [(clip, True) for clip in self.clips.values()]
        return [
            ClipBeingDeletedError(clip.clip_id) if unit.find_tombstone(reference) else _compare(clip, data)
            for (reference, clip), data in zip(self.clips.items(), stored, strict=True)
        ]

    def _add(self, unit: UnitOfWork, created: list[Created]) -> None:
        new = {clip.clip_id: clip for clip, is_new in created if is_new}
        if new:
            self._count(unit, new.values())
        for reference in self.clips:
            if reference.id in new:
                unit.create(reference, mark_guesses(new[reference.id].to_document(), self.guesses.get(reference.id)))

    def _count(self, unit: UnitOfWork, new: Collection[ClipMetadata]) -> None:
        try:
            unit.add_to_statistics(self.video, count_by_style(new))
        except DocumentTooLargeError as error:
            raise DocumentTooLargeError(error.size_bytes, ("clips",)) from None


def _compare(clip: ClipMetadata, stored: dict[str, Any] | None) -> Created | ClipAlreadyExistsError:
    """The clip as it will be stored, and whether it is new; the error where the id is taken by other content."""
    if stored is None:
        return clip, True
    known = read_clip(stored)
    if differences := clip.list_differing_fields(known):
        return ClipAlreadyExistsError(clip.clip_id, differences)
    return known, False
