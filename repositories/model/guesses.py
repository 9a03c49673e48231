"""Marks of guesses: what an import did not know, and wrote as a guess, until somebody knows better.

A document that has any holds them in one field of its own: the names of the guessed fields, with the guessed values.
A mark counts as long as the field still has that value, so whoever writes the field, also another program, makes it a
fact without knowing of marks.
"""

from collections.abc import Mapping
from typing import Any

GUESSES_FIELD = "guesses"

Guesses = Mapping[str, Any]
"""The guessed fields with their values, as the document holds them."""


def mark_guesses(document: dict[str, Any], guesses: Guesses | None) -> dict[str, Any]:
    """The document, which tells what of it is guessed; without guesses, as it is."""
    return {**document, GUESSES_FIELD: dict(guesses)} if guesses else document


def read_guesses(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The marks of a document that is stored, also those whose fields have other values by now."""
    found = None if fields is None else fields.get(GUESSES_FIELD)
    return dict(found) if isinstance(found, Mapping) else {}
