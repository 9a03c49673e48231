"""The lines that `clipgraph serve` prints for a person at its start."""

import pytest

from cli.commands.serve import make_welcome
from settings import Settings

ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("changes", "has_page", "needs_token"),
    [
        ({}, True, False),
        ({"auth_firebase_project": "p"}, False, True),
        ({"auth_firebase_project": "p", "graphiql": True}, True, True),
        ({"graphiql": False}, False, False),
    ],
    ids=str,
)
def test_welcome_names_graphiql_where_it_is_and_a_token_where_one_is_needed(
    changes: dict[str, object], has_page: bool, needs_token: bool
) -> None:
    """The first lines name GraphiQL if its page is installed, and a token if callers need one."""
    welcome = make_welcome(ADDRESS, Settings().model_copy(update=changes))
    assert f"serves at {ADDRESS}/graphql" in welcome
    assert ("GraphiQL" in welcome) is has_page
    assert ("Bearer" in welcome) is needs_token
