import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.highlights import HighlightsError, parse_highlights, separate_ids

GOOD: dict[str, Any] = {
    "id": 1,
    "title": "The hook",
    "description": "Why it works",
    "start": "00:01:02.500",
    "end": "00:01:32",
    "duration": 29.5,
    "priority": 2,
    "hook_category": "question",
    "pad_before_seconds": 0.5,
    "pad_after_seconds": 1,
}
FILE: dict[str, Any] = {"video_url": "https://youtu.be/x", "video_title": "A talk", "highlights": [GOOD]}

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, *FILE]), inner, max_size=6),
    max_leaves=20,
)


def read_one(**changes: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    highlights, mended = parse_highlights(json.dumps({**FILE, "highlights": [{**GOOD, **changes}]}))
    return asdict(highlights.highlights[0]), mended


def test_good_file_needs_no_mending() -> None:
    """A valid file is read field by field without a report of mending."""
    highlights, mended = parse_highlights(json.dumps(FILE).encode())
    assert mended == ()
    assert (highlights.video_url, highlights.video_title, highlights.custom_prompt) == (*list(FILE.values())[:2], None)
    assert asdict(highlights.highlights[0]) == {
        **{name: value for name, value in GOOD.items() if name not in {"start", "end", "duration"}},
        "start_time": "00:01:02.500",
        "end_time": "00:01:32",
        "duration_seconds": 29.5,
    }


@pytest.mark.parametrize(
    ("changes", "field", "value", "sentence"),
    [
        ({"id": "7"}, "id", 7, "Highlight 1 has the id as text; it was converted to a number."),
        ({"id": None}, "id", 1, "Highlight 1 has no valid id; 1 was used."),
        ({"priority": "high"}, "priority", 1, "Highlight 1 has no valid priority; 1 was used."),
        ({"priority": -3}, "priority", 1, "Highlight 1 has no valid priority; 1 was used."),
        ({"priority": 2.5}, "priority", 2, "Highlight 1 has a priority that is not a whole number; 2 was used."),
        ({"priority": True}, "priority", 1, "Highlight 1 has no valid priority; 1 was used."),
        ({"id": 10**30}, "id", 1, "Highlight 1 has no valid id; 1 was used."),
        ({"title": None}, "title", "Highlight 1", "Highlight 1 has no title."),
        ({"title": 42}, "title", "42", "Highlight 1 has a number as title; it was converted to text."),
        ({"title": ["x"]}, "title", "Highlight 1", "Highlight 1 has no text as title; it was dropped."),
        ({"title": "a\ud800b\x00"}, "title", "a\ufffdb", "unpaired surrogates and control"),
        ({"title": "\u202ea\u2066b"}, "title", "ab", "bidirectional control characters in its title"),
        ({"title": "\u05e9\u05dc\u200e!"}, "title", "\u05e9\u05dc\u200e!", None),
        ({"title": "a\nb"}, "title", "a b", "control characters in its title"),
        ({"title": "t" * 2_000}, "title", "t" * 1_500, "a title of 2000 characters; it was truncated to 1,500 bytes."),
        ({"description": None}, "description", None, None),
        ({"start": "1:02.5"}, "start_time", "00:01:02.500", "Highlight 1 has the start '1:02.5'; it was read as"),
        ({"start": "00:01:02,500"}, "start_time", "00:01:02.500", "it was read as 00:01:02.500."),
        ({"start": 62.5}, "start_time", "00:01:02.500", None),
        ({"end": None}, "end_time", "00:01:32", "it was computed from start and duration"),
        ({"end": "00:00:01"}, "end_time", "00:01:32", "Highlight 1 does not end after its start"),
        ({"start": 62.50004, "end": 62.5003, "duration": None}, "end_time", None, "does not end after its start"),
        ({"start": 62.5, "end": None, "duration": 0.0002}, "end_time", None, "no valid end"),
        ({"start": "soon"}, "start_time", "00:01:02.500", "it was computed from end and duration"),
        ({"duration": None}, "duration_seconds", 29.5, "it was computed from start and end"),
        ({"duration": "29.5"}, "duration_seconds", 29.5, "Highlight 1 has the duration as text"),
        ({"duration": "0:29.5"}, "duration_seconds", 29.5, None),
        ({"duration": 999}, "duration_seconds", 29.5, "has a duration of 999 seconds, but its times give 29.5"),
        ({"end": "999:00:00", "duration": 1e9}, "end_time", None, "Highlight 1 has no valid end"),
        ({"pad_after_seconds": "1e400"}, "pad_after_seconds", None, "has no valid pad_after_seconds"),
        ({"pad_after_seconds": float("nan")}, "pad_after_seconds", None, "has no valid pad_after_seconds"),
    ],
)
def test_odd_field_is_mended_and_told(changes: dict[str, Any], field: str, value: object, sentence: str | None) -> None:
    """A field of another form is read as far as it can be, and reported in one sentence."""
    highlight, mended = read_one(**changes)
    assert highlight[field] == value
    assert any(sentence in line for line in mended) if sentence else not mended


def test_unusable_entries_do_not_hide_good_ones() -> None:
    """Entries that are no objects are left out, and the others are read."""
    highlights, mended = parse_highlights(json.dumps({**FILE, "highlights": [None, GOOD, "x", {}]}))
    assert [highlight.id for highlight in highlights.highlights] == [1, 4]
    assert "Highlight 1 is not an object and was skipped." in mended


def test_guessed_id_meets_no_real_one() -> None:
    """The second highlight has no id, and the third is called 2: the guess gives way."""
    entries = [GOOD, {**GOOD, "id": None}, {**GOOD, "id": 2}]
    highlights, mended = parse_highlights(json.dumps({**FILE, "highlights": entries}))
    assert [highlight.id for highlight in highlights.highlights] == [1, 3, 2]
    assert mended == ("Highlight 2 has no valid id; 3 was used.",)


def test_two_highlights_with_one_id_are_told_apart() -> None:
    """The second gets an id that no highlight and none of the reserved ones has."""
    entries = [{**GOOD, "title": "first"}, {**GOOD, "title": "second"}, {**GOOD, "id": 7}]
    highlights, mended = parse_highlights(json.dumps({**FILE, "highlights": entries}))
    separate, told = separate_ids(highlights, {9})
    assert mended == ()
    assert [(one.id, one.title) for one in separate.highlights][:2] == [(1, "first"), (10, "second")]
    assert told == ("Highlight 2 repeats the id 1; 10 was used.",)
    assert separate_ids(separate, ()) == (separate, ())


@pytest.mark.parametrize(
    "wrapped",
    [
        "```json\n{}\n```",
        "Here are the highlights:\n\n```json\n{}\n```\nTell me if you want more {{}}.",
        "~~~\n{}\n~~~",
        "```JSON\r\n{}\r\n```\r\n",
        "```\n{}",
        "  ````json\n{}\n  ````",
        "```json {} ```",
        "```{.json}\n{}\n```",
        "```{}```\n",
    ],
)
def test_json_in_a_markdown_fence_is_read(wrapped: str) -> None:
    """The text that a language model wraps around its answer is ignored."""
    content = wrapped.replace("{}", json.dumps(FILE, indent=1), 1).replace("{{}}", "{}")
    highlights, mended = parse_highlights(content)
    assert highlights == parse_highlights(json.dumps(FILE))[0]
    assert len(mended) == 1
    assert "Markdown fence" in mended[0]


def test_fence_within_a_text_is_text() -> None:
    """A file that begins as JSON is JSON, whatever its texts hold."""
    highlights, mended = parse_highlights(json.dumps({**FILE, "custom_prompt": "```json\n{}\n```"}, indent=1))
    assert (highlights.custom_prompt, mended) == ("```json\n{}\n```", ())


def test_a_name_that_stands_twice_is_told() -> None:
    """In each object of the file, also where the list of highlights itself is there twice; the last value counts."""
    first, second = '{"id": 1, "title": "A", "title": "B", "more": {"x": 1, "x": 1}}', '{"id": 2, "title": "C"}'
    content = f'{{"highlights": [{second}, {second}], "highlights": [{second}, {first}], "a": [[{{"y": 1, "y": 2}}]]}}'
    highlights, mended = parse_highlights(content)
    assert [(one.id, one.title) for one in highlights.highlights] == [(2, "C"), (1, "B")]
    suffix = "more than once; the last one was used."
    assert [text for text in mended if "more than once" in text] == [
        f"The file has 'highlights' {suffix}",
        f"Highlight 2 has 'title' {suffix}",
        f"Highlight 2 has 'x' {suffix}",
        f"The file has 'y' {suffix}",
    ]


def test_missing_list_is_empty() -> None:
    """A file without highlights is empty, and reports each missing field."""
    highlights, mended = parse_highlights(b'\xef\xbb\xbf{"highlights": {}}')
    assert highlights.highlights == ()
    assert mended == (
        "The file has no video_url.",
        "The file has no video_title.",
        "The file has no list of highlights and counts as empty.",
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "The file is empty"),
        (json.dumps(FILE).encode()[:-30], "The file is not valid JSON"),
        (b"\x00\x01\x02", "The file is not valid JSON"),
        (b"\xff\xfe{", "The file is not UTF-8"),
        (b"[]", "not an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_file_that_is_no_highlights_is_refused_in_one_line(content: bytes, line: str) -> None:
    """Content that is no JSON object raises `HighlightsError` with one line."""
    with pytest.raises(HighlightsError, match=line) as caught:
        parse_highlights(content)
    assert "\n" not in str(caught.value)


def test_numbers_of_any_length_are_survived() -> None:
    """Numbers of a hundred thousand digits are ignored."""
    digits = "9" * 100_000
    content = (
        f'{{"highlights": [{{"id": {digits}, "duration": {digits}.5, "start": -{digits}, "end": 1e{digits[:9]}}}]}}'
    )
    highlights, _ = parse_highlights(content)
    assert (highlights.highlights[0].id, highlights.highlights[0].duration_seconds) == (1, None)


@given(json_values)
def test_any_json_is_read_or_refused(document: object) -> None:
    """Reading any file ends in highlights or in HighlightsError."""
    try:
        highlights, _ = parse_highlights(json.dumps(document))
    except HighlightsError:
        return
    for highlight in highlights.highlights:
        assert highlight.title
        assert highlight.title.encode()


def test_times_have_the_names_that_clippers_give_them() -> None:
    """`start_time`, `end_time` and `duration_seconds` are read where a highlight has no field of the guide's name."""
    others = {"start": "start_time", "end": "end_time", "duration": "duration_seconds"}
    renamed = {others.get(name, name): value for name, value in GOOD.items()}
    expected = parse_highlights(json.dumps(FILE))
    assert parse_highlights(json.dumps({**FILE, "highlights": [renamed]})) == expected
    nulls = dict.fromkeys(others)
    assert parse_highlights(json.dumps({**FILE, "highlights": [renamed | nulls]})) == expected
    wrong = dict.fromkeys(others.values(), 7)
    assert parse_highlights(json.dumps({**FILE, "highlights": [GOOD | wrong]})) == expected
