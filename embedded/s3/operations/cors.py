"""CORS policies: what pages of other origins may do with a bucket."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
MAX_AGE_SECONDS = 86_400

_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/?#@\s*]*\*?[^/?#@\s*]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    id: str | None = None

    def check_matches(self, origin: str, method: str, headers: tuple[str, ...] = ()) -> bool:
        """Whether the rule lets pages of the origin send such a request."""
        return (
            any(_match(each, origin) for each in self.origins)
            and method in self.methods
            and all(any(_match(each.lower(), header.lower()) for each in self.headers) for header in headers)
        )


POLICY_FILE = Path(__file__).parent.parent / "cors_policy.json"
"""The policy of the embedded bucket, in the form that R2's dashboard and `wrangler` take.

Pages of this machine may do what clipgraph's signed URLs are for: read files whole or by range, and upload. R2's bucket
needs the same rules with the origins of its own pages (docs/frontend.md shows them).
"""


def read_policy(path: Path = POLICY_FILE) -> tuple[Rule, ...]:
    """The rules of a policy file."""
    return tuple(
        Rule(
            tuple(rule["AllowedOrigins"]),
            tuple(rule["AllowedMethods"]),
            tuple(rule["AllowedHeaders"]),
            tuple(rule["ExposeHeaders"]),
            rule["MaxAgeSeconds"],
        )
        for rule in json.loads(path.read_text(encoding="utf-8"))
    )


def dump_rules(rules: tuple[Rule, ...]) -> str:
    """The policy as it is stored."""
    return json.dumps([asdict(rule) for rule in rules])


def load_rules(text: str | None) -> tuple[Rule, ...]:
    """The rules in the text that `dump_rules` made; None has no rules."""
    rules = json.loads(text or "[]")
    lists = ("origins", "methods", "headers", "exposed")
    return tuple(Rule(**{**rule, **{name: tuple(rule[name]) for name in lists}}) for rule in rules)


def check_origin(text: str) -> bool:
    """Whether a policy may name this origin: `*`, or scheme://host:port with one `*` at most, and no path."""
    return _ORIGIN.fullmatch(text) is not None


def make_headers(rules: tuple[Rule, ...], origin: str, method: str) -> dict[str, str]:
    """The CORS headers of an answer to a page of the origin; none where no rule is for it."""
    for rule in rules:
        if rule.check_matches(origin, method):
            exposed = {"access-control-expose-headers": ", ".join(rule.exposed)} if rule.exposed else {}
            return {"access-control-allow-origin": _name_origin(rule, origin), **exposed, "vary": "Origin"}
    return {}


def make_preflight_headers(
    rules: tuple[Rule, ...], origin: str, method: str, headers: tuple[str, ...]
) -> dict[str, str] | None:
    """The headers that allow a request which is yet to come; None where no rule does."""
    for rule in rules:
        if rule.check_matches(origin, method, headers):
            answer = {
                "access-control-allow-origin": _name_origin(rule, origin),
                "access-control-allow-methods": ", ".join(rule.methods),
                "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
            }
            if headers:
                answer["access-control-allow-headers"] = ", ".join(headers)
            if rule.max_age_seconds is not None:
                answer["access-control-max-age"] = str(rule.max_age_seconds)
            if rule.exposed:
                answer["access-control-expose-headers"] = ", ".join(rule.exposed)
            return answer
    return None


def _name_origin(rule: Rule, origin: str) -> str:
    return "*" if "*" in rule.origins else origin


def _match(pattern: str, text: str) -> bool:
    first, star, last = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(first) + len(last) and text.startswith(first) and text.endswith(last)
