"""Limits on a document's text, checked by one regular expression before the text is parsed."""

import re

from graphql import GraphQLError

from gql.rate_limits.errors import too_expensive

# Operations of the largest pages are below 10,000; what is longer belongs into variables.
MAX_CHARACTERS = 50_000
# Parsing takes some 8 µs a token: a document is parsed within 10 ms. GraphiQL's introspection has 163.
MAX_TOKENS = 1_000
MAX_DIRECTIVES = 20
# A field and its arguments open one each; introspection needs 15.
MAX_NESTING = 40

# GraphQL's tokens. Possessive, and with strings that may end with the text: no input makes it look anywhere twice.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)|"(?:[^"\\\r\n]|\\.)*+"?+|#[^\r\n]*+|\.\.\.|[\w.+-]++|[^\s,\ufeff]',
    re.DOTALL,
)
_OPENING, _CLOSING = frozenset("({["), frozenset(")}]")


def find_excess(text: str) -> GraphQLError | None:
    """The refusal of a text that is too long or too nested to be looked at; None for all others, sensible or not."""
    if len(text) > MAX_CHARACTERS:
        return _refuse("characters", len(text), MAX_CHARACTERS)
    tokens = directives = depth = deepest = 0
    for match in _TOKEN.finditer(text):
        found = match.group()
        tokens += 1
        directives += found == "@"
        depth += (found in _OPENING) - (found in _CLOSING)
        deepest = max(deepest, depth)
    counted = (
        ("directives", directives, MAX_DIRECTIVES),
        ("nesting", deepest, MAX_NESTING),
        ("tokens", tokens, MAX_TOKENS),
    )
    return next((_refuse(*count) for count in counted if count[1] > count[2]), None)


def _refuse(measure: str, bound: int, limit: int) -> GraphQLError:
    what = "levels of brackets" if measure == "nesting" else measure
    message = f"The document has {{bound}} {what}; the limit is {{limit}}."
    return too_expensive(message, measure=measure, bound=bound, limit=limit)
