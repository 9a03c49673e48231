"""YouTube's ids."""

import pytest

from domain.youtube import extract_youtube_id

ID = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={ID}",
        f"http://youtube.com/watch?v={ID}&t=42s",
        f"https://www.youtube.com/watch?app=desktop&list=PL1&v={ID}&index=2",
        f"https://m.youtube.com/watch?v={ID}#t=10",
        f"https://music.youtube.com/watch?v={ID}&feature=share",
        f"https://gaming.youtube.com/watch?v={ID}",
        f"https://youtu.be/{ID}",
        f"https://youtu.be/{ID}?si=abc&t=5",
        f"https://www.youtube.com/shorts/{ID}?feature=share",
        f"https://www.youtube.com/embed/{ID}?autoplay=1",
        f"https://www.youtube-nocookie.com/embed/{ID}",
        f"https://www.youtube.com/live/{ID}?si=x",
        f"https://www.youtube.com/v/{ID}?version=3",
        f"https://www.youtube.com/e/{ID}",
        f"https://www.youtube.com/watch/{ID}",
        f"https://WWW.YouTube.COM/watch?v={ID}",
        f"https://www.youtube.com:443/watch?v={ID}",
        f"youtube.com/watch?v={ID}",
        f"//youtu.be/{ID}",
        f"  https://youtu.be/{ID}  ",
        f"https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3D{ID}%26feature%3Dshare",
        f"https://www.youtube.com/oembed?url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{ID}",
    ],
)
def test_every_form_of_address(url: str) -> None:
    assert extract_youtube_id(url) == ID


@pytest.mark.parametrize(
    "url",
    [
        "",
        "about:blank",
        "https://example.com/watch?v=dQw4w9WgXcQ",
        "https://notyoutube.com/watch?v=dQw4w9WgXcQ",
        "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ",
        "https://youtube.com@evil.example/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/",
        "https://www.youtube.com/playlist?list=PL1",
        "https://www.youtube.com/@channel",
        "https://www.youtube.com/embed/videoseries?list=PL1",
        "https://www.youtube.com/embed/live_stream?channel=UC1",
        "https://www.youtube.com/watch?v=tooshort",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQtoolong",
        "https://youtu.be/",
        "https://[broken",
        "ftp://youtu.be/dQw4w9WgXcQ",
    ],
)
def test_other_addresses_have_none(url: str) -> None:
    assert extract_youtube_id(url) is None
