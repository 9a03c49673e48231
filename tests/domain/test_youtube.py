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
        f"https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{ID}%26t%3D5&gl=DE&hl=de",
        f"https://consent.google.de/ml?continue=https://www.youtube.com/watch?v%3D{ID}&gl=DE",
        f"https://accounts.google.com/ServiceLogin?continue=https%3A%2F%2Fwww.youtube.com%2Fsignin%3Fnext%3D%252Fwatch%253Fv%253D{ID}",
        f"https://www.google.com/url?sa=t&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{ID}",
        f"https://www.youtubekids.com/watch?v={ID}&hl=en",
        f"https://www.youtubeeducation.com/embed/{ID}",
        f"https://youtube.googleapis.com/v/{ID}?version=2",
        f"https://www.youtube.com/watch#!v={ID}",
        f"https://www.youtube.com/#!v={ID}&feature=related",
        f"https://m.youtube.com/#/watch?v={ID}",
        f"https://i.ytimg.com/vi/{ID}/hqdefault.jpg",
        f"https://i3.ytimg.com/vi_webp/{ID}/maxresdefault.webp",
        f"https://img.youtube.com/vi/{ID}/0.jpg",
        f"https://www.youtube.com/watch?feature=player_embedded&amp;v={ID}",
        f"https://www.youtube.com/watch?v={ID}&amp;t=42s",
        f"https://www.youtube.com/watch%3Fv%3D{ID}",
        f"https://youtu.be/watch?v={ID}",
    ],
)
def test_every_form_of_address(url: str) -> None:
    """An address of YouTube, in every form, gives the video's id."""
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
        "https://evil.example/m?continue=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3DdQw4w9WgXcQ",
        "https://consent.youtube.com/m?continue=https%3A%2F%2Fevil.example%2Fwatch%3Fv%3DdQw4w9WgXcQ",
        "https://youtubekids.com.evil.example/watch?v=dQw4w9WgXcQ",
        "https://i.ytimg.com/vi/tooshort/0.jpg",
        "https://i.ytimg.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch#!v=tooshort",
        "https://www.google.com/url?q=" * 40 + "https://youtu.be/dQw4w9WgXcQ",
    ],
)
def test_other_addresses_have_none(url: str) -> None:
    """An address of another site, of no video or of an invalid id gives None."""
    assert extract_youtube_id(url) is None
