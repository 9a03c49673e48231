from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import signing
from storage.signing import MAX_EXPIRES_IN_SECONDS, UrlSigner, UrlWindow

NOON = datetime(2026, 3, 1, 12, 7, 31, tzinfo=UTC)
ENDPOINTS = [
    "http://127.0.0.1:9000",
    "https://0a1b.r2.cloudflarestorage.com",
    "https://R2.example:443",
    "http://[::1]:90/s3/",
]
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
keys = texts | st.from_regex(r"[a-z]{1,8}/[a-z +~%&=()*!']{1,20}/clips/clip_01_02_[a-zé_]{1,30}\.mp4", fullmatch=True)
moments = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - st.datetimes wants naive bounds
header_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


def make_signer(endpoint_url: str = ENDPOINTS[0], region: str = "auto", window_seconds: int = 900) -> UrlSigner:
    return UrlSigner(endpoint_url, "clips", "AKIA+1", SECRET, region, window_seconds)


@pytest.fixture(
    scope="module", params=[(endpoint, region) for endpoint in ENDPOINTS for region in ("auto", "us-east-1")]
)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[UrlSigner, object]]:
    endpoint_url, region = request.param
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="AKIA+1",
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    yield make_signer(endpoint_url, region, window_seconds=1), client
    client.close()


def sign_with_boto3(client: object, operation: str, moment: datetime, expires_in_seconds: int, **params: object) -> str:
    with patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        url: str = client.generate_presigned_url(  # type: ignore[attr-defined] # the stubs do not know a bare client
            operation, Params={"Bucket": "clips", **params}, ExpiresIn=expires_in_seconds
        )
    return url


@settings(max_examples=60, deadline=None)
@given(
    key=keys,
    moment=moments,
    seconds=st.integers(2, MAX_EXPIRES_IN_SECONDS - 1),
    disposition=texts,
    media=texts,
    is_swapped=st.booleans(),
)
def test_get_url_is_what_boto3_signs(
    pair: tuple[UrlSigner, object],
    *,
    key: str,
    moment: datetime,
    seconds: int,
    disposition: str,
    media: str,
    is_swapped: bool,
) -> None:
    """For any key and overridden headers, the URL equals boto3's for the same moment, byte for byte."""
    signer, client = pair
    params = {"ResponseContentDisposition": disposition, "ResponseContentType": media}
    parameters = {"response-content-disposition": disposition, "response-content-type": media}
    if is_swapped:
        params, parameters = dict(reversed(params.items())), dict(reversed(parameters.items()))
    expected = sign_with_boto3(client, "get_object", moment, seconds, Key=key, **params)
    assert signer.presign("GET", key, seconds - 1, parameters=parameters, now=moment).url == expected


@settings(max_examples=40, deadline=None)
@given(key=keys, moment=moments, media=header_texts.filter(str.strip), size_bytes=st.integers(0, 2**40))
def test_put_url_is_what_boto3_signs(
    pair: tuple[UrlSigner, object], key: str, moment: datetime, media: str, size_bytes: int
) -> None:
    """An upload's type and length are signed as boto3 signs them."""
    signer, client = pair
    expected = sign_with_boto3(client, "put_object", moment, 61, Key=key, ContentType=media, ContentLength=size_bytes)
    headers = {"content-type": media, "content-length": str(size_bytes)}
    assert signer.presign("PUT", key, 60, headers=headers, now=moment).url == expected


@pytest.mark.parametrize(
    ("method", "operation"), [("GET", "get_object"), ("HEAD", "head_object"), ("DELETE", "delete_object")]
)
def test_url_without_options_is_what_boto3_signs(pair: tuple[UrlSigner, object], method: str, operation: str) -> None:
    """A URL for GET, HEAD or DELETE is byte for byte the one that boto3 signs."""
    signer, client = pair
    expected = sign_with_boto3(client, operation, NOON, 3601, Key="u/v/a b+c~.mp4")
    assert signer.presign(method, "u/v/a b+c~.mp4", 3600, now=NOON).url == expected


@given(
    moment=moments,
    seconds=st.integers(1, MAX_EXPIRES_IN_SECONDS),
    window=st.sampled_from([1, 60, 900, 86_400]),
)
def test_url_is_valid_for_what_was_asked_and_at_most_seven_days(moment: datetime, seconds: int, window: int) -> None:
    """A URL is valid for the given seconds, at most a window longer, and at most seven days."""
    signed = make_signer(window_seconds=window).presign("GET", "k", seconds, now=moment)
    validity_seconds = int(signed.url.partition("X-Amz-Expires=")[2].partition("&")[0])
    assert validity_seconds <= MAX_EXPIRES_IN_SECONDS
    whole_second = moment.replace(microsecond=0)
    assert whole_second + timedelta(seconds=seconds) <= signed.expires_at
    assert signed.expires_at <= whole_second + timedelta(seconds=seconds + window)


asked = st.tuples(
    st.sampled_from(["GET", "HEAD", "DELETE"]),
    st.sampled_from(["a", "b/ü +.mp4", "a?"]) | keys,
    st.sampled_from([1, 60, 3600]),
)


@given(wanted=st.lists(st.tuples(asked, st.integers(0, 3)), max_size=20))
def test_kept_urls_are_those_that_would_be_signed(wanted: list[tuple[tuple[str, str, int], int]]) -> None:
    """However methods, keys, validities and windows alternate, and whatever was kept before."""
    signer, plain = make_signer(), make_signer()
    for (method, key, seconds), windows in wanted:
        moment = NOON + timedelta(minutes=15 * windows)
        with patch("storage.signing.time.time", return_value=moment.timestamp()):
            assert signer.presign_plain(method, key, seconds) == plain.presign(method, key, seconds, now=moment).url


def test_kept_urls_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signer keeps a bounded number of URLs and forms."""
    monkeypatch.setattr(signing, "_MAX_URLS", 10)
    monkeypatch.setattr(signing, "_MAX_FORMS", 3)
    monkeypatch.setattr(signing, "_MAX_STAMPS", 5)
    signer = make_signer(window_seconds=86_400)
    for number in range(100):
        signer.presign_plain("GET", f"key {number}", 1 + number)
    assert 0 < len(signer._urls) <= 10
    assert all(0 < len(stamp.forms) <= 3 for stamp in signer._stamps.values())
    for number in range(100):
        changed = UrlWindow(86_400, datetime.now(UTC) - timedelta(seconds=number))
        signer.presign_plain("GET", "key", 60, changed)
    assert (len(signer._stamps) <= 5, len(signer._urls) <= 10) == (True, True)


def test_url_is_the_same_within_a_window_and_another_after_it() -> None:
    """A URL is the same until its window ends, and another one after it."""
    signer = make_signer()
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    first = signer.presign("GET", "k", 3600, now=start)
    assert signer.presign("GET", "k", 3600, now=start + timedelta(seconds=899)) == first
    assert signer.presign("GET", "k", 3600, now=start + timedelta(seconds=900)) != first


def test_longer_than_seven_days_is_capped() -> None:
    """A validity over seven days is seven days."""
    signed = make_signer().presign("GET", "k", MAX_EXPIRES_IN_SECONDS + 5, now=NOON)
    assert signed.expires_at == NOON + timedelta(days=7)


def test_expires_at_is_that_of_the_url() -> None:
    """The signer's expiry is that of the URL which is signed at the same time."""
    signer = make_signer()
    assert signer.expires_at(77, now=NOON) == signer.presign("GET", "k", 77, now=NOON).expires_at


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_url_without_validity(seconds: int) -> None:
    """A validity under one second is refused."""
    with pytest.raises(ValueError, match="at least one second"):
        make_signer().presign("GET", "k", seconds)


@pytest.mark.parametrize("endpoint_url", ["", "r2.example", "ftp://r2.example", "https://"])
def test_endpoint_must_be_an_http_address(endpoint_url: str) -> None:
    """An endpoint that is no http address is refused."""
    with pytest.raises(ValueError, match="http"):
        make_signer(endpoint_url)


def list_expiry(url: str) -> tuple[str, int]:
    """The signing time and the validity in a URL."""
    return (
        url.partition("X-Amz-Date=")[2].partition("&")[0],
        int(url.partition("X-Amz-Expires=")[2].partition("&")[0]),
    )


START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "signed_at", "validity"),
    [
        (None, "20260301T120000Z", 4500),
        (START - timedelta(days=3), "20260301T120000Z", 4500),
        (START, "20260301T120000Z", 4500),
        (START + timedelta(milliseconds=10), "20260301T120000Z", 4501),
        (START + timedelta(seconds=30), "20260301T120030Z", 4500),
        (START + timedelta(seconds=30.98), "20260301T120030Z", 4598),
        (START + timedelta(seconds=50, milliseconds=10), "20260301T120050Z", 4501),
        (START + timedelta(hours=3), "20260301T120100Z", 4500),
    ],
    ids=str,
)
def test_url_is_signed_at_the_later_of_its_windows_start_and_its_files_time(
    changed: datetime | None, signed_at: str, validity: int
) -> None:
    """A file that is newer than the window has a URL of its own, never signed for a time to come."""
    window, now = UrlWindow(900, changed), START + timedelta(seconds=60)
    signed = make_signer().presign("GET", "k", 3600, window=window, now=now)
    assert list_expiry(signed.url) == (signed_at, validity)
    assert signed.expires_at == make_signer().expires_at(3600, window, now=now)


@given(
    moments=st.lists(st.integers(0, 89_000), min_size=2, max_size=6, unique=True),
    seconds=st.sampled_from([60, 3600, 86_400]),
)
def test_each_render_has_its_own_url_which_stays(moments: list[int], seconds: int) -> None:
    """Renders at least a hundredth of a second apart have different URLs, each the same until its window ends."""
    signer, end = make_signer(), START + timedelta(seconds=899)
    renders = [UrlWindow(900, START + timedelta(milliseconds=10 * moment)) for moment in moments]
    urls = [signer.presign("GET", "k", seconds, window=render, now=end).url for render in renders]
    assert len({*urls}) == len(urls)
    for render, url in zip(renders, urls, strict=True):
        assert render.changed_at is not None
        just_after = render.changed_at + timedelta(milliseconds=1)
        assert signer.presign("GET", "k", seconds, window=render, now=just_after).url == url


def test_url_of_a_file_is_what_boto3_signs(pair: tuple[UrlSigner, object]) -> None:
    """A URL that is signed at its file's time is byte for byte the one that boto3 signs then."""
    signer, client = pair
    changed = NOON + timedelta(seconds=100, milliseconds=70)
    expected = sign_with_boto3(client, "get_object", changed.replace(microsecond=0), 3600 + 86_400 + 7, Key="a b.jpg")
    window = UrlWindow(86_400, changed)
    assert signer.presign("GET", "a b.jpg", 3600, window=window, now=NOON + timedelta(hours=1)).url == expected
