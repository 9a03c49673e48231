"""The state machine."""

from datetime import UTC, datetime
from itertools import product

import pytest

from repositories.exceptions import InvalidStatusChangeError
from repositories.model.statuses import NEXT_STATUSES, ClipStatus, VideoStatus, plan_status_change

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEGAL = {
    ("processing", "completed"),
    ("processing", "failed"),
    ("failed", "processing"),
    ("completed", "processing"),
}


@pytest.mark.parametrize(("from_status", "to_status"), list(product(ClipStatus, ClipStatus)))
def test_every_step(from_status: ClipStatus, to_status: ClipStatus) -> None:
    """Each of the nine steps changes nothing, is planned, or raises `InvalidStatusChangeError` with both statuses."""
    if from_status is to_status:
        assert plan_status_change(from_status, to_status, now=NOW) == {}
    elif (from_status.value, to_status.value) in LEGAL:
        assert plan_status_change(from_status, to_status, now=NOW)["status"] is to_status
    else:
        with pytest.raises(InvalidStatusChangeError) as caught:
            plan_status_change(from_status, to_status, now=NOW)
        assert (caught.value.from_status, caught.value.to_status) == (from_status, to_status)


def test_times_and_message_follow() -> None:
    """A step sets the time and message of its status, and clears those of the others."""
    failed = plan_status_change(VideoStatus.PROCESSING, VideoStatus.FAILED, now=NOW, error_message="x" * 1001)
    assert failed == {"status": "failed", "completed_at": None, "failed_at": NOW, "error_message": "x" * 1000}
    retried = plan_status_change(VideoStatus.FAILED, VideoStatus.PROCESSING, now=NOW, error_message="ignored")
    assert retried == {"status": "processing", "completed_at": None, "failed_at": None, "error_message": None}
    completed = plan_status_change(VideoStatus.PROCESSING, VideoStatus.COMPLETED, now=NOW)
    assert (completed["completed_at"], completed["failed_at"]) == (NOW, None)


def test_both_kinds_share_one_table() -> None:
    """The table has every status of videos and of clips, and leads to no other."""
    assert set(NEXT_STATUSES) == set(map(str, VideoStatus)) == set(map(str, ClipStatus))
    assert {to_status for following in NEXT_STATUSES.values() for to_status in following} == set(NEXT_STATUSES)
