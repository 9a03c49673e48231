"""Addresses on the web are told from other texts."""

import pytest

from domain.web_addresses import complete_web_address, parse_web_address

ADDRESSES = [
    "https://youtu.be/dQw4w9WgXcQ",
    "http://localhost:8000/video",
    "https://example.com:65535/a?b#c",
    "https://münchen.example/größe",
    "https://[::1]:80/",
    "https://10.0.0.1/a.mp4",
    "HTTPS://EXAMPLE.COM/",
]
NO_ADDRESSES = [
    "",
    "talk.mp4",
    "videos/talk.mp4",
    "my.videos/talk.mov",
    "C:\\videos\\talk.mp4",
    "C:/videos/talk.mp4",
    "https://C:\\talk.mp4",
    "file:///etc/passwd",
    "the first take. Then the second",
    "https://the first take",
    "https://example.com/a b",
    "https://example.com:65536/",
    "https://example.com:port/",
    "https://",
    "https://:80/",
    "https://<script>/",
    "https://-a.example/",
    "javascript:alert(1)",
    "mailto:a@example.com",
    "https://[broken",
    "www.",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_web_addresses(text: str) -> None:
    """An address with its scheme is taken as it is."""
    assert parse_web_address(text).hostname
    assert complete_web_address(text) == text


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_web_address(text: str) -> None:
    """File names, drives, free text and impossible ports are no addresses, also not when completed."""
    with pytest.raises(ValueError, match="https"):
        parse_web_address(text)
    assert complete_web_address(text) is None


@pytest.mark.parametrize(
    "text", ["youtube.com/watch?v=dQw4w9WgXcQ", "youtu.be/dQw4w9WgXcQ", "www.example.xyz/a", "vimeo.com"]
)
def test_address_without_a_scheme_is_completed(text: str) -> None:
    """People leave the scheme out where the rest says what it is."""
    assert complete_web_address(text) == f"https://{text}"
    assert complete_web_address(f"//{text}") == f"https://{text}"
