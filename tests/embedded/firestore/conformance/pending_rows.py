"""Rows that the embedded Firestore does not fulfil yet, and what is missing. Strict: a mended row leaves this table."""

PENDING: dict[str, str] = {}
