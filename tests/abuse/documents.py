"""Documents that ask for too much, by name: each with the code that refuses it and what was measured."""

from itertools import pairwise
from typing import NamedTuple


class Abuse(NamedTuple):
    """A document, the code of its refusal, and the measure that it goes beyond; None where it is wrong as such."""

    document: str
    code: str = "QUERY_TOO_EXPENSIVE"
    measure: str | None = None


def _chain(length: int, spreads: str) -> str:
    """Fragments of which each spreads the next, as often as `spreads` has places."""
    links = pairwise(range(length + 1))
    fragments = [f"fragment F{one} on Query {{ {spreads.format(next=two)} }}" for one, two in links]
    return " ".join(["{ ...F0 }", *fragments, f"fragment F{length} on Query {{ __typename }}"])


_CLIPS = "nodes { video { clips(first: 100) { "
ABUSES = {
    "10,000 aliases": Abuse("{ " + " ".join(f"a{n}: __typename" for n in range(10_000)) + " }", measure="characters"),
    "300 aliases": Abuse("{ " + " ".join(f"a{n}: __typename" for n in range(300)) + " }", measure="aliases"),
    "500 copies of one field": Abuse('{ video(videoId: "v") { ' + "title " * 500 + "} }", measure="repeats"),
    "500 copies of a root field": Abuse("{ " + "__typename " * 500 + "}", measure="rootFields"),
    "100 levels": Abuse("{ " + "a { " * 100 + "b" + " }" * 100 + " }", measure="nesting"),
    "14 levels": Abuse(
        '{ video(videoId: "v") { ' + "clips(first: 1) { nodes { video { " * 5 + "id" + " } } }" * 5 + " } }",
        measure="depth",
    ),
    "500 lists": Abuse("{ video(videoId: " + "[" * 500 + "]" * 500 + ") { id } }", measure="nesting"),
    "circular fragments": Abuse("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "BAD_USER_INPUT"),
    "10,000-fold fragments": Abuse(_chain(5, "...F{next} " * 7), measure="rootFields"),
    "fragments that double 90 times": Abuse(_chain(90, "...F{next} ...F{next}"), measure="rootFields"),
    "fragments that double and lead nowhere": Abuse(
        _chain(90, "...F{next} ...F{next}").replace("F90 on", "G on"), measure="fields"
    ),
    "110 fragments": Abuse(_chain(110, "...F{next}"), measure="fragments"),
    "1 MB of directives": Abuse("{ __typename" + " @a" * 330_000 + " }", measure="characters"),
    "21 directives": Abuse("{ __typename" + " @skip(if: false)" * 21 + " }", measure="directives"),
    "12,000 tokens": Abuse('{ video(videoId: "v") { ' + "id " * 12_000 + "} }", measure="tokens"),
    "first: 100, five levels deep": Abuse(
        "{ videos(first: 100) { nodes { clips(first: 100) { " + _CLIPS * 3 + "totalCount" + " } } }" * 3 + " } } } }",
        measure="documentReads",
    ),
    "all of the schema, often": Abuse(
        "{ __schema { types { "
        + " ".join(f"a{n}: fields {{ type {{ fields {{ name }} }} }}" for n in range(30))
        + " } } }",
        measure="introspection",
    ),
    "a string without end": Abuse('{ a(b: """' + "x" * 49_000, "BAD_USER_INPUT"),
    "quotes": Abuse('"' * 49_000, measure="tokens"),
}
