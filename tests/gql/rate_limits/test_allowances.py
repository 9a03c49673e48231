"""The client's address: the connection's, or the one that the trusted proxies saw."""

import pytest

from gql.rate_limits.allowances import resolve_address


@pytest.mark.parametrize(
    ("client", "forwarded", "hops", "address"),
    [
        ("192.0.2.1", "", 0, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", 0, "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2", 2, "198.51.100.7"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        ("10.0.0.1", "nonsense", 1, "unknown"),
        ("10.0.0.1", "198.51.100.7:50123", 1, "198.51.100.7"),
        ("10.0.0.1", "[2001:db8:1:2::9]:50123", 1, "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2::9]", 1, "2001:db8:1:2::/64"),
        ("10.0.0.1", "[::1", 1, "::/64"),
        ("10.0.0.1", ":1", 1, "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", 0, "192.0.2.1"),
        (None, "", 0, "unknown"),
    ],
)
def test_address(client: str | None, forwarded: str, hops: int, address: str) -> None:
    """The client's address follows X-Forwarded-For as far as the trusted hops go."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"type": "http", "client": client and (client, 1), "headers": headers}
    assert resolve_address(scope, hops) == address
