"""The audit log: a line for every mutation, with the caller, the action, the ids and the outcome."""

from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError

from gql.errors import ErrorCode, convert_error
from gql.permissions import Action, Principal
from gql.user_errors import UserError, find_user_error

AUDIT_LOGGER = "clipgraph.audit"
SUCCESS = "SUCCESS"
CANCELLED = "CANCELLED"
# More than any mutation takes; a refused one may name more.
MAX_IDS = 1_000
# No id is longer.
MAX_ID_CHARACTERS = 1_500

log = structlog.get_logger(AUDIT_LOGGER)


def audit(
    principal: Principal, action: Action, mutation: str, given: object, outcome: str, *, created: bool | None
) -> None:
    """Writes the line. Of the input it tells ids only, never titles or URLs."""
    log.info(
        "mutation",
        mutation=mutation,
        action=action.value,
        caller=principal.user_id,
        roles=sorted(principal.roles),
        outcome=outcome,
        **({} if created is None else {"created": created}),
        **find_ids(given, principal),
    )


def find_ids(given: object, principal: Principal) -> dict[str, Any]:
    """The ids in a mutation's input: the owner, the video, the clips and the upload."""
    ids: dict[str, Any] = {"user_id": _cut(getattr(given, "user_id", None) or principal.user_id)}
    for name in ("video_id", "upload_id"):
        if value := getattr(given, name, None):
            ids[name] = _cut(value)
    clips = list(_find_clips(given))
    if clips:
        ids["clips"] = [_cut(clip) for clip in clips[:MAX_IDS]]
        ids["clips_count"] = len(clips)
    return ids


def _find_clips(given: object) -> Iterable[str]:
    """The ids of clips, or the names of their files, which are these with an extension."""
    listed = [*(getattr(given, "clips", None) or ()), *(getattr(given, "files", None) or ())]
    for part in (given, *listed):
        for name in ("clip_id", "filename"):
            if value := getattr(part, name, None):
                yield value


def _cut(value: str) -> str:
    return value[:MAX_ID_CHARACTERS]


def name_outcome(result: object) -> tuple[str, bool | None]:
    """How an answer counts, and whether it says that something was created."""
    if isinstance(result, UserError):
        return type(result).__name__, None
    return SUCCESS, getattr(result, "created", None)


def name_failure(error: Exception) -> str:
    """How an exception counts: the type of a refusal, or an error's code."""
    if (refusal := find_user_error(error)) is not None:
        return type(refusal).__name__
    wrapped = error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
    code = (convert_error(wrapped, request_id="").extensions or {}).get("code", ErrorCode.INTERNAL)
    return str(code)
