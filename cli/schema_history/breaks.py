"""The breaking changes between two schemas, and those that no line of the changelog is about."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from graphql import build_schema
from graphql.utilities import find_breaking_changes

_COORDINATE = re.compile(r"@?\b[A-Za-z_]\w*\.\w+(?:\(\w+:\))?")
_NAME = re.compile(r"[A-Za-z_]\w*")
# A changelog names root fields without them.
_ROOTS = frozenset({"Query", "Mutation", "Subscription"})
_TYPE = re.compile(r"^(?:Standard scalar |Directive )?@?(\w+) ")


@dataclass(frozen=True)
class Break:
    """A change since a commit that breaks clients."""

    commit: str
    sentence: str
    is_announced: bool


def find_breaks(versions: Iterable[tuple[str, str, str]], schema: str, changelog: str) -> list[Break]:
    """The breaking changes since any of the versions, each a commit, its SDL and its changelog, in their order.

    A change is announced if a line that is new since one of the versions before it has its names.
    """
    commits: dict[str, str] = {}
    announced = set[str]()
    for commit, old_schema, old_changelog in versions:
        breaks = list_breaks(old_schema, schema)
        lines = list_added_lines(old_changelog, changelog)
        announced |= set(breaks).difference(list_unannounced(breaks, lines))
        commits = dict.fromkeys(breaks, commit) | commits
    return [Break(commit, sentence, sentence in announced) for sentence, commit in commits.items()]


def list_breaks(old: str, new: str) -> list[str]:
    """A sentence for each change of the SDL that breaks a client, such as "Field Clip.size was removed.", in order."""
    return [change.description for change in find_breaking_changes(build_schema(old), build_schema(new))]


def list_unannounced(breaks: Iterable[str], lines: Collection[str]) -> Iterator[str]:
    """The breaking changes whose names stand together in none of the lines."""
    words = [set(_NAME.findall(line)) for line in lines]
    return (sentence for sentence in breaks if not any(find_names(sentence) <= line for line in words))


def list_added_lines(old: str, new: str) -> list[str]:
    """The lines of a text that are new in it."""
    known = set(old.splitlines())
    return [line for line in new.splitlines() if line not in known]


def find_names(sentence: str) -> set[str]:
    """The names by which a changelog tells of a breaking change: of the type, the field and the argument."""
    if found := _COORDINATE.search(sentence):
        return set(_NAME.findall(found.group())) - _ROOTS
    found = _TYPE.match(sentence)
    return {found.group(1)} if found else set(_NAME.findall(sentence))
