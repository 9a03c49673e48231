"""Which of gRPC's codes are final, by Firestore's own clients (`isPermanentError` in the one for the web)."""

from grpc import StatusCode

TOKEN_REFUSALS = frozenset(
    code.value[0] for code in (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION, StatusCode.OUT_OF_RANGE)
)
"""Where a resume token was sent, it may be at fault: too old, or of another database."""

FINAL_CODES = TOKEN_REFUSALS | {
    code.value[0]
    for code in (
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNIMPLEMENTED,
        StatusCode.DATA_LOSS,
    )
}
"""The same call would fail again. UNAUTHENTICATED is not among them: credentials are renewed."""
