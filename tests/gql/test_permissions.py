"""Whose data a request is about, decided in one place."""

import pytest
from graphql import GraphQLError

from gql.permissions import Principal, Role, resolve_user_id

USER = Principal("me", frozenset({Role.USER}))


def test_user_gets_their_own_and_is_refused_another() -> None:
    assert resolve_user_id(USER, None) == "me"
    assert resolve_user_id(USER, "me") == "me"
    with pytest.raises(GraphQLError) as refusal:
        resolve_user_id(USER, "you")
    assert refusal.value.extensions == {"code": "FORBIDDEN"}


@pytest.mark.parametrize("role", [Role.WORKER, Role.ADMIN])
def test_worker_and_admin_act_for_anyone(role: Role) -> None:
    assert resolve_user_id(Principal("me", frozenset({role})), "you") == "you"
