"""The listener: all subscriptions of this process, over as few streams as they need."""

import asyncio
from collections import defaultdict

from pydantic import TypeAdapter

from repositories.arguments import parse_id, parse_style
from repositories.client import FirestoreClient, default_client
from repositories.exceptions import FollowsTooMuchError, RepositoryError, TooManyDocumentsError
from repositories.listening.fan_out import FanOut
from repositories.listening.past_reader import PastReader
from repositories.listening.read_accounts import ReadAccount, get_account
from repositories.listening.stream_pool import StreamPool
from repositories.listening.subscriptions import DEFAULT_MAX_WAITING, Subscription
from repositories.listening.target_state import DEFAULT_MAX_DOCUMENTS, TargetState
from repositories.listening.targets import AnyTarget, ClipsTarget, VideosTarget, VideoTarget
from repositories.listening.versions import Version
from repositories.model.fields import UserId
from repositories.model.validation import validate_value

LINGER_SECONDS = 5.0
"""Seconds that a target outlives its last subscriber: returning clients cause no read."""

TOO_LARGE_SECONDS = 60.0
"""Seconds for which a target with too many documents is refused without a read."""

DEFAULT_MAX_DOCUMENTS_PER_ACCOUNT = 100_000
"""The limit over all targets that one account has opened, and so of its memory."""

_USER_ID = TypeAdapter[str](UserId)


class Listener:
    """All subscriptions of a process; made and used within one event loop.

    Invalid arguments are raised by the subscription, as `ValidationError`.
    """

    def __init__(
        self,
        client: FirestoreClient | None = None,
        *,
        linger_seconds: float = LINGER_SECONDS,
        max_waiting_changes: int = DEFAULT_MAX_WAITING,
        max_documents: int = DEFAULT_MAX_DOCUMENTS,
        max_documents_per_account: int = DEFAULT_MAX_DOCUMENTS_PER_ACCOUNT,
    ) -> None:
        client = client or default_client()
        self._linger_seconds = linger_seconds
        self._max_waiting_changes = max_waiting_changes
        self._max_documents = max_documents
        self._max_documents_per_account = max_documents_per_account
        self._past_reader = PastReader(client, max_documents)
        self._streams = StreamPool(client)
        self._states: dict[AnyTarget, TargetState] = {}
        self._opened: defaultdict[str, set[TargetState]] = defaultdict(set)  # by their accounts' names
        self._fan_outs: dict[AnyTarget, FanOut] = {}
        self._lingering: dict[FanOut, asyncio.TimerHandle] = {}
        self._too_large: dict[AnyTarget, asyncio.TimerHandle] = {}
        self._is_closed = False

    @property
    def documents_read(self) -> int:
        """The document reads that Firestore has billed for all targets and past states."""
        return self._streams.documents_read + self._past_reader.documents_read

    @property
    def targets_count(self) -> int:
        """The number of targets that are open."""
        return len(self._states)

    @property
    def streams_count(self) -> int:
        """The number of open streams."""
        return self._streams.count

    def watch_video(
        self, user_id: str, video_id: str, after: str | None = None, *, account: ReadAccount | None = None
    ) -> Subscription:
        """The video and its changes; ends when it is deleted. A missing video is waited for."""
        return self._watch(VideoTarget(user_id, video_id), None, after, account)

    def watch_videos(
        self, user_id: str, after: str | None = None, *, account: ReadAccount | None = None
    ) -> Subscription:
        """The user's videos and their changes."""
        return self._watch(VideosTarget(user_id), None, after, account)

    def watch_clips(
        self,
        user_id: str,
        video_id: str,
        style: str | None = None,
        after: str | None = None,
        *,
        account: ReadAccount | None = None,
    ) -> Subscription:
        """The video's clips, all or of one style, and their changes; ends when the video is deleted."""
        return self._watch(ClipsTarget(user_id, video_id), style, after, account)

    async def close(self) -> None:
        """All streams and subscriptions have ended."""
        self._is_closed = True
        for timer in (*self._lingering.values(), *self._too_large.values()):
            timer.cancel()
        for fan_out in list(self._fan_outs.values()):
            fan_out.close()
        self._fan_outs.clear()
        self._states.clear()
        self._opened.clear()
        await self._past_reader.close()
        await self._streams.close()

    def _watch(
        self, target: AnyTarget, style: str | None, after: str | None, account: ReadAccount | None
    ) -> Subscription:
        account = account or get_account(target.user_id)
        subscription = Subscription(style, max_waiting=self._max_waiting_changes, account=account)
        try:
            _assert_target(target)
            parse_style(style)
            subscription.after = None if after is None else Version.parse(after)
            self._assert_not_too_large(target)
            self._assert_has_room(target, account)
        except RepositoryError as error:
            subscription.fail(error)
            return subscription
        if self._is_closed:
            subscription.abandon()
            return subscription
        fan_out = self._fan_outs.get(target) or self._open(target, account)
        if timer := self._lingering.pop(fan_out, None):
            timer.cancel()
        fan_out.add(subscription)
        return subscription

    def _assert_not_too_large(self, target: AnyTarget) -> None:
        if target in self._too_large:
            raise TooManyDocumentsError(self._max_documents)

    def _assert_has_room(self, target: AnyTarget, account: ReadAccount) -> None:
        """Raises `FollowsTooMuchError` where the account's targets already hold the most documents that they may."""
        if target in self._fan_outs or account.name not in self._opened:
            return
        if sum(len(state.documents) for state in self._opened[account.name]) >= self._max_documents_per_account:
            raise FollowsTooMuchError(self._max_documents_per_account)

    def _open(self, target: AnyTarget, account: ReadAccount) -> FanOut:
        """The fan-out of a target that has none yet; the first reads are charged to the account."""
        owner: TargetState | None = None
        if not isinstance(target, VideosTarget):
            owner = self._open_state(VideoTarget(target.user_id, target.video_id), account)
        source = self._open_state(target, account)
        fan_out = self._fan_outs[target] = FanOut(source, owner, self._past_reader, self._retire)
        for state in fan_out.states:
            is_new = not state.watchers
            state.watchers.add(fan_out)
            if is_new:
                self._streams.add(state)
        return fan_out

    def _open_state(self, target: AnyTarget, account: ReadAccount) -> TargetState:
        if target not in self._states:
            state = self._states[target] = TargetState(target, account, self._max_documents)
            self._opened[account.name].add(state)
        return self._states[target]

    def _forget(self, state: TargetState) -> None:
        del self._states[state.target]
        opened = self._opened[state.account.name]
        opened.discard(state)
        if not opened:
            del self._opened[state.account.name]
        self._streams.remove(state)

    def _retire(self, fan_out: FanOut) -> None:
        """The fan-out is dropped after the linger time unless a subscriber returns; at once where it has failed."""
        if fan_out.error is not None:
            self._drop(fan_out)
            if isinstance(fan_out.error, TooManyDocumentsError):
                self._remember_too_large(fan_out.target)
        elif fan_out not in self._lingering and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._lingering[fan_out] = loop.call_later(self._linger_seconds, self._drop, fan_out)

    def _drop(self, fan_out: FanOut) -> None:
        if timer := self._lingering.pop(fan_out, None):
            timer.cancel()
        if self._fan_outs.get(fan_out.target) is not fan_out:
            return
        del self._fan_outs[fan_out.target]
        fan_out.close()
        for state in fan_out.states:
            state.watchers.discard(fan_out)
            if not state.watchers:
                self._forget(state)

    def _remember_too_large(self, target: AnyTarget) -> None:
        """The target is refused for a while without another read."""
        loop = asyncio.get_running_loop()
        self._too_large[target] = loop.call_later(TOO_LARGE_SECONDS, self._too_large.pop, target, None)


def _assert_target(target: AnyTarget) -> None:
    validate_value(_USER_ID, target.user_id, path=("user_id",))
    if not isinstance(target, VideosTarget):
        parse_id(target.video_id, "video_id")
