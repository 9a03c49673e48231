"""If-Match and its like: https://developers.cloudflare.com/r2/api/s3/extensions/#conditional-operations-in-putobject."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from embedded.s3.errors import NotModifiedError, S3Error
from embedded.s3.store.model import StoredObject

NAMES = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


@dataclass(frozen=True, slots=True)
class Conditions:
    """The headers as they came, or None."""

    match: str | None
    none_match: str | None
    modified_since: str | None
    unmodified_since: str | None

    @property
    def are_given(self) -> bool:
        """Whether there is any condition."""
        return any((self.match, self.none_match, self.modified_since, self.unmodified_since))


def get_conditions(headers: Mapping[str, str], prefix: str = "") -> Conditions:
    """The conditions of the headers whose names begin with the prefix."""
    return Conditions(*(headers.get(prefix + name) for name in NAMES))


def assert_readable(conditions: Conditions, stored: StoredObject, headers: Mapping[str, str]) -> None:
    """Raises PreconditionFailed or NotModifiedError, in the order of RFC 9110; dates that are none are ignored."""
    if conditions.match is not None:
        if not check_etag(conditions.match, stored.etag):
            raise S3Error("PreconditionFailed")
    elif _compare_modified(stored, conditions.unmodified_since):
        raise S3Error("PreconditionFailed")
    if conditions.none_match is not None:
        if check_etag(conditions.none_match, stored.etag):
            raise NotModifiedError(headers)
    elif _compare_modified(stored, conditions.modified_since) is False:
        raise NotModifiedError(headers)


def assert_writable(conditions: Conditions, stored: StoredObject | None) -> None:
    """Raises PreconditionFailed where any condition does not hold for the object that is there now."""
    for since in (conditions.modified_since, conditions.unmodified_since):
        if since is not None and parse_date(since) is None:
            raise S3Error("InvalidArgument", "A condition's date is not valid.")
    if stored is None:
        is_met = conditions.match is None and conditions.modified_since is None
    else:
        is_met = (
            (conditions.match is None or check_etag(conditions.match, stored.etag))
            and (conditions.none_match is None or not check_etag(conditions.none_match, stored.etag))
            and _compare_modified(stored, conditions.modified_since) is not False
            and not _compare_modified(stored, conditions.unmodified_since)
        )
    if not is_met:
        raise S3Error("PreconditionFailed")


def check_etag(header: str, etag: str) -> bool:
    """Whether the header's list of ETags, quoted or not, weak or not, holds this one, or is `*`."""
    given = [each.strip().removeprefix("W/").strip('"') for each in header.split(",")]
    return "*" in given or etag in given


def parse_date(text: str) -> datetime | None:
    """The moment (UTC) that an HTTP date says; None where it says none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def format_http_date(modified_ns: int) -> str:
    """The moment as HTTP says it, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(modified_ns // 1_000_000_000, UTC), usegmt=True)


def _compare_modified(stored: StoredObject, since: str | None) -> bool | None:
    """Whether the object is newer than the date; None where there is no date."""
    date = parse_date(since) if since is not None else None
    return None if date is None else stored.modified_ns // 1_000_000_000 > date.timestamp()
