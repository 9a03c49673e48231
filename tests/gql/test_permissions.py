"""Permissions, decided in one place."""

from itertools import product

import pytest
import strawberry
from graphql import GraphQLError

from gql.mutation import assert_guarded, mutation
from gql.permissions import ANONYMOUS, Action, Principal, Role, may, resolve_user_id

USER = Principal("me", frozenset({Role.USER}))


def test_user_gets_their_own_and_is_refused_another() -> None:
    """A user resolves to their own id, and another's is FORBIDDEN."""
    assert resolve_user_id(USER, None) == "me"
    assert resolve_user_id(USER, "me") == "me"
    with pytest.raises(GraphQLError) as refusal:
        resolve_user_id(USER, "you")
    assert refusal.value.extensions == {"code": "FORBIDDEN"}


def test_user_reads_and_deletes_their_own_and_writes_nothing() -> None:
    """A user may read and delete their own data, and nothing else."""
    allowed = {(action, owner) for action, owner in product(Action, ("me", "you")) if may(USER, action, owner)}
    assert allowed == {(Action.READ, "me"), (Action.DELETE, "me")}


@pytest.mark.parametrize(("role", "action"), list(product([Role.WORKER, Role.ADMIN], Action)))
def test_worker_and_admin_act_for_anyone(role: Role, action: Action) -> None:
    """Workers and admins may do every action for any user."""
    for owner in ("me", "you"):
        assert resolve_user_id(Principal("me", frozenset({role})), owner, action) == owner


@pytest.mark.parametrize("action", list(Action))
def test_nobody_may_do_nothing(action: Action) -> None:
    """Not even to what is nobody's."""
    assert not may(ANONYMOUS, action, "")
    assert not may(ANONYMOUS, action, "me")


def test_roles_add_up() -> None:
    """A caller with two roles may do what either role may."""
    assert may(Principal("me", frozenset({Role.USER, Role.WORKER})), Action.WRITE, "you")


def test_mutation_that_is_made_otherwise_does_not_get_into_the_schema() -> None:
    """A mutation without a guard raises TypeError when the schema is built."""

    @strawberry.type
    class Unguarded:
        @strawberry.mutation
        def anything(self) -> bool:
            return True

    with pytest.raises(TypeError, match="anything is not guarded"):
        assert_guarded(Unguarded)


def test_mutation_without_an_owner_does_not_get_into_the_schema() -> None:
    """The guard could not say whose data it is about."""

    @strawberry.input
    class Ownerless:
        video_id: strawberry.ID

    @strawberry.type
    class Query:
        hello: str = "hello"

    @strawberry.type
    class Mutation:
        @mutation(Action.WRITE, description="A mutation.")
        async def anything(self, input: Ownerless) -> bool:  # noqa: A002  the argument's name
            return bool(input)

    with pytest.raises(TypeError, match="needs an `input` with a `user_id`"):
        strawberry.Schema(Query, Mutation)
