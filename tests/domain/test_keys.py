import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.keys import (
    CLIP_EXTENSIONS,
    SEEN_STYLES,
    ClipName,
    ObjectKind,
    ParsedKey,
    check_key,
    clip_key,
    format_clip_filename,
    guess_content_type,
    highlights_key,
    parse_filename,
    parse_key,
    parse_video_key,
    read_clip_filename,
    thumbnail_key,
    video_prefix,
)

FILENAME = "clip_01_07_a_fine_title_split_fast.mp4"
UNSAFE = ["", ".", "..", "a/b", "/a", "a\\b", "a\x00b", "a\nb", "\x7f", "x" * 256, "é" * 128]


def test_keys_follow_the_layout() -> None:
    """Prefix and keys of a video's files follow the bucket's layout."""
    assert video_prefix("demo", "v1") == "demo/v1/"
    assert highlights_key("demo", "v1") == "demo/v1/highlights.json"
    assert clip_key("demo", "v1", FILENAME) == f"demo/v1/clips/{FILENAME}"
    assert thumbnail_key("demo", "v1", FILENAME) == "demo/v1/clips/clip_01_07_a_fine_title_split_fast.jpg"


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_no_key_leaves_its_folder(unsafe: str) -> None:
    """An unsafe part of any kind is refused."""
    for segments in ((unsafe, "v", FILENAME), ("u", unsafe, FILENAME), ("u", "v", unsafe)):
        with pytest.raises(ValueError, match="key"):
            clip_key(*segments)
    with pytest.raises(ValueError, match="key"):
        highlights_key("u", unsafe)


@pytest.mark.parametrize(
    "segments", [(".u", "v", "a.mp4"), ("u", ".v", "a.mp4"), ("u", "v", ".a.mp4"), ("__MACOSX", "v", "a.mp4")]
)
def test_no_clip_is_hidden(segments: tuple[str, str, str]) -> None:
    """The API refuses the filenames that an import leaves out as hidden."""
    with pytest.raises(ValueError, match="hidden"):
        clip_key(*segments)


@pytest.mark.parametrize("unsafe", ["", ".", "..", "a/b", "/a"])
def test_no_prefix_is_another_videos(unsafe: str) -> None:
    """An id that would lead to another folder makes no prefix."""
    with pytest.raises(ValueError, match="prefix"):
        video_prefix(unsafe, "v")
    with pytest.raises(ValueError, match="prefix"):
        video_prefix("u", unsafe)


def test_key_has_at_most_1024_bytes() -> None:
    """A key of 1,024 bytes is valid, and a longer one is not."""
    longest = "/".join(["u" * 255, "v" * 255, "c" * 255, "f" * 255])
    assert check_key(longest)
    assert not check_key(longest + "/g")


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        ("u/v/highlights.json", ParsedKey(ObjectKind.HIGHLIGHTS, "u", "v", "highlights.json")),
        (f"u/v/clips/{FILENAME}", ParsedKey(ObjectKind.CLIP, "u", "v", FILENAME)),
        ("u/v/clips/any name.mp4", ParsedKey(ObjectKind.CLIP, "u", "v", "any name.mp4")),
        ("u/v/clips/a.jpg", ParsedKey(ObjectKind.THUMBNAIL, "u", "v", "a.jpg")),
        ("u/v/clips/a.txt", ParsedKey(ObjectKind.OTHER, "u", "v", "a.txt")),
        ("u/v/clips/deep/a.mp4", ParsedKey(ObjectKind.OTHER, "u", "v", "a.mp4")),
        ("u/v/a.mp4", ParsedKey(ObjectKind.OTHER, "u", "v", "a.mp4")),
        ("u/v", ParsedKey(ObjectKind.OTHER)),
        ("", ParsedKey(ObjectKind.OTHER)),
        ("u/../clips/a.mp4", ParsedKey(ObjectKind.OTHER)),
        ("/u/v/clips/a.mp4", ParsedKey(ObjectKind.OTHER)),
        ("u//clips/a.mp4", ParsedKey(ObjectKind.OTHER)),
    ],
)
def test_key_tells_what_it_names(key: str, parsed: ParsedKey) -> None:
    """A key is parsed to its kind, ids and filename."""
    assert parse_key(key) == parsed


@pytest.mark.parametrize(
    "value",
    ["clip_01_03_a_split.mp4", "CLIP.MP4", "a.b.webm", "clip 😀.mov", *(f"a{one}" for one in sorted(CLIP_EXTENSIONS))],
)
def test_filenames_of_clips(value: str) -> None:
    """Every video extension is taken in any case, and the key of such a file names a clip."""
    assert parse_key(f"u/v/clips/{value}").kind is ObjectKind.CLIP
    assert parse_filename(value.upper())
    assert parse_filename(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "clip",
        ".mp4",
        "clip.",
        "../a.mp4",
        "/etc/a.mp4",
        "a/b.mp4",
        "..\\a.mp4",
        "a\0.mp4",
        "a.jpg",
        "A.JPG",
        "highlights.json",
        "..mp4",
        "__a__.mp4",
        "a\u202e4pm.mp4",
        "a" * 252 + ".mp4",
        "a.html",
        "a.HTM",
        "a.svg",
        "a.js",
        "a.mp4.exe",
        "a.gif",
        "a.mp4 ",
        ".hidden.mp4",
        "._clip.mp4",
        "..a.mp4",
        "cafe\u0301.mp4",
        "\ud800.mp4",
    ],
)
def test_filenames_that_are_refused(value: str) -> None:
    """An import takes as clips exactly the filenames that the API accepts."""
    assert parse_key(f"u/v/clips/{value}").kind is not ObjectKind.CLIP
    with pytest.raises(ValueError, match=r".+"):
        parse_filename(value)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("u/v/clips/._a.mp4", ObjectKind.HIDDEN),
        ("u/v/clips/.DS_Store", ObjectKind.HIDDEN),
        ("u/v/.git/config", ObjectKind.HIDDEN),
        (".Trash-1000/v/clips/a.mp4", ObjectKind.HIDDEN),
        ("u/.v/clips/a.mp4", ObjectKind.HIDDEN),
        ("__MACOSX/v/clips/a.mp4", ObjectKind.HIDDEN),
        ("u/v/clips/a.txt", ObjectKind.OTHER),
        ("u/v/clips/a.JPG", ObjectKind.OTHER),
        ("u/cafe\u0301/clips/a.mp4", ObjectKind.OTHER),
        ("u/__v__/clips/a.mp4", ObjectKind.OTHER),
        (f"{'u' * 129}/v/clips/a.mp4", ObjectKind.OTHER),
        ("u", ObjectKind.OTHER),
    ],
)
def test_key_that_names_no_clip_has_a_reason(key: str, kind: ObjectKind) -> None:
    """A hidden name in any part, a name that is not in form C and a foreign type each say why they are left out."""
    parsed = parse_key(key)
    assert parsed.kind is kind
    assert parsed.reason


def test_content_type_is_the_same_on_every_machine() -> None:
    """`.ts` is a video here, and not the translation file that a machine's own list may call it."""
    assert guess_content_type("a.TS") == "video/mp2t"
    assert guess_content_type("a.jpg") == "image/jpeg"
    assert guess_content_type("highlights.json") == "application/json"
    assert guess_content_type("page.html") == "application/octet-stream"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        (FILENAME, ClipName(1, 7, "a_fine_title", "split_fast")),
        ("clip_01_02_so_intelligent_split.mp4", ClipName(1, 2, "so", "intelligent_split")),
        ("clip_10_123_x_split.mp4", ClipName(10, 123, "x", "split")),
        ("clip_1_2_x_original.mp4", ClipName(1, 2, "x", "original")),
        ("clip_01_02_split.mp4", ClipName(1, 2, "", "split")),
        ("clip_01_02___split.mp4", ClipName(1, 2, "_", "split")),
        ("clip_01_02_x_cinema.mp4", None),
        ("clip_01_02_xsplit.mp4", None),
        ("clip_01_x_split.mp4", None),
        ("clip_01_02_x_split.MP4", ClipName(1, 2, "x", "split")),
        ("clip_01_02_x_split.webm", ClipName(1, 2, "x", "split")),
        ("clip_01_02_x_split.html", None),
        ("clip_\u0660\u0661_02_x_split.mp4", None),
        ("clip_01_02_x_split.jpg", None),
        ("", None),
    ],
)
def test_filename_tells_the_clip(filename: str, name: ClipName | None) -> None:
    """A clip's filename is read to priority, scene, title and style; any other name is None."""
    assert read_clip_filename(filename) == name


def test_styles_of_the_video_come_first() -> None:
    """A filename is read with the styles that are given for the video."""
    assert read_clip_filename("clip_01_02_x_my.style.mp4", ["my.style", ""]) == ClipName(1, 2, "x", "my.style")


@given(
    st.integers(0, 999_999),
    st.integers(0, 999_999_999),
    st.from_regex(r"[a-z0-9é-]{1,20}(_[a-z0-9]{1,9}){0,3}", fullmatch=True),
    st.sampled_from(SEEN_STYLES),
)
def test_filename_is_read_back(priority: int, scene_id: int, title_slug: str, style: str) -> None:
    """A filename that was formatted is read back to what it was formatted from."""
    name = ClipName(priority, scene_id, title_slug, style)
    read = read_clip_filename(format_clip_filename(name))
    assert read is not None
    assert (read.priority, read.scene_id) == (priority, scene_id)
    # A title that ends like the start of a longer style is the one thing that the form cannot tell apart.
    assert f"{read.title_slug}_{read.style}" == f"{title_slug}_{style}"


@pytest.mark.parametrize(
    "name", [ClipName(-1, 1, "x", "split"), ClipName(1, 1, "x", ""), ClipName(1, 1, "../x", "split")]
)
def test_unsafe_filename_is_refused(name: ClipName) -> None:
    """A name that no safe filename can say is a ValueError."""
    with pytest.raises(ValueError, match=r"filename|slash"):
        format_clip_filename(name)


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """Any text is answered as a key and as a filename, without an error."""
    parse_key(text)
    read_clip_filename(text)


@pytest.mark.parametrize("key", ["u/v/highlights.json", "u/v/clips/a.mp4", "u/v/clips/a b/..c"])
def test_keys_lie_in_their_videos_folder(key: str) -> None:
    """A key in the video's folder is returned as it is."""
    assert parse_video_key(key, "u", "v") == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "u/v",
        "u/v/",
        "/u/v/a",
        "u/v/../w/a",
        "u/v/..",
        "u/v//a",
        "u/v/./a",
        "u/v2/a",
        "U/v/a",
        "u2/v/a",
        "u/v/a\0",
        "u/v/..\\a",
        "https://u/v/a",
    ],
)
def test_keys_that_lead_elsewhere_are_refused(key: str) -> None:
    """A key outside of the video's folder is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        parse_video_key(key, "u", "v")
