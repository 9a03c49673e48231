"""Marks of guesses: values that an import did not know and guessed.

A document with guesses holds them in one field of its own: the names of the guessed fields, with the guessed values. A
mark counts as long as the field still has that value, so a program that writes the field makes it a fact without
knowing of marks.
"""

from collections.abc import Mapping
from typing import Any

GUESSES_FIELD = "guesses"

Guesses = Mapping[str, Any]
"""The guessed fields with their values, as the document holds them."""


def mark_guesses(document: dict[str, Any], guesses: Guesses | None) -> dict[str, Any]:
    """The document with the marks of its guesses; without guesses, as it is."""
    return {**document, GUESSES_FIELD: dict(guesses)} if guesses else document


def read_guesses(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The marks of a stored document, also of fields that have other values by now."""
    found = None if fields is None else fields.get(GUESSES_FIELD)
    return dict(found) if isinstance(found, Mapping) else {}
