"""Imports into real servers: what is stored afterwards, and what the report says."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.bucket_import import sources, uploader
from cli.bucket_import.writer import Importer
from domain.document_size import MAX_DOCUMENT_BYTES
from repositories.models import UNKNOWN_VIDEO_URL, VideoStatus
from storage.r2 import MAX_PUT_BYTES, R2Storage
from tests.cli.bucket_import.conftest import CLIP, HIGHLIGHTS, OTHER_CLIP, TIMES, Folder, counts, told


async def test_sound_folder_is_imported_without_a_remark(folder: Folder) -> None:
    """A second run finds nothing to do, and `reconcile` agrees."""
    folder.write_video()
    report = await folder.run()
    assert (counts(report), report.problems) == ((1, 0, 2, 0, 4), [])
    again = await folder.run()
    assert (counts(again), again.problems) == ((0, 0, 0, 0, 0), [])
    assert (again.videos_unchanged, again.clips_unchanged) == (1, 2)
    assert (await folder.reconcile()).drift == []


async def test_changed_highlights_of_equal_size_are_one_version_everywhere(folder: Folder) -> None:
    """The new file is in R2, and the documents that said what the old one did say what it does."""
    folder.write_video()
    await folder.run()
    changed = json.dumps(HIGHLIGHTS).replace("First", "Third").replace("A talk", "A walk")
    folder.write("highlights.json", changed)
    assert counts(await folder.run()) == (0, 1, 0, 1, 1)
    assert await folder.read_object("highlights.json") == changed.encode()
    assert (await folder.get_video()).video_title == "A walk"
    assert {clip.scene_title for clip in (await folder.get_clips()).values()} == {"Third", "Second"}


async def test_highlights_that_change_during_the_import_are_uploaded_as_they_were_read(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents and R2 hold the version that was read, however the file looks by then."""
    folder.write_video()
    upload = Importer._upload_described

    async def change_first(importer: Importer, reading: Any) -> None:
        folder.write("highlights.json", json.dumps({**HIGHLIGHTS, "video_title": "Too late"}))
        await upload(importer, reading)

    monkeypatch.setattr(Importer, "_upload_described", change_first)
    await folder.run()
    assert json.loads(await folder.read_object("highlights.json") or b"")["video_title"] == "A talk"
    assert (await folder.get_video()).video_title == "A talk"


async def test_guesses_give_way_to_a_later_highlights_file(folder: Folder) -> None:
    """Titles, times and the address were guessed; what the file says replaces them, and only them."""
    folder.write_video(None)
    await folder.run()
    guessed = (await folder.get_clips())[CLIP]
    assert (guessed.scene_title, guessed.start_time, guessed.end_time) == ("First", "00:00:00", "00:00:01")
    await folder.services.videos(folder.user_id).update_video("talk", {"video_title": "By hand"})
    folder.write("highlights.json", json.dumps(HIGHLIGHTS))
    report = await folder.run()
    assert counts(report) == (0, 1, 0, 2, 1)
    video, clip = await folder.get_video(), (await folder.get_clips())[CLIP]
    assert (video.video_title, video.youtube_id, video.highlights_count) == ("By hand", "dQw4w9WgXcQ", 2)
    assert (clip.scene_title, clip.scene_description) == ("First", "Why")
    assert (clip.start_time, clip.end_time, clip.duration_seconds) == ("00:00:01", "00:00:03", 2)
    assert "video_title" in told(report)[f"{folder.user_id}/talk/"]
    assert counts(await folder.run()) == (0, 0, 0, 0, 0)


async def test_reconcile_replaces_guesses_once_the_bucket_tells_better(folder: Folder) -> None:
    """A highlights.json that was put into R2 later is drift of its own kind, which `--fix` mends."""
    folder.write_video(None)
    await folder.run()
    assert (await folder.reconcile()).drift == []
    await folder.services.storage.put(folder.key("highlights.json"), json.dumps(HIGHLIGHTS).encode())
    assert (await folder.reconcile()).drift == [("guess-outdated", "found")] * 3
    assert (await folder.get_clips())[CLIP].start_time == "00:00:00"
    assert (await folder.reconcile(fix=True)).drift == [("guess-outdated", "mended")] * 3
    assert (await folder.get_clips())[CLIP].start_time == "00:00:01"
    assert (await folder.get_video()).video_title == "A talk"
    assert (await folder.reconcile()).drift == []


async def test_facts_are_not_replaced(folder: Folder) -> None:
    """A worker's values stay where the files say otherwise, and the difference is reported."""
    folder.write_video()
    await folder.run()
    reference = folder.services.firestore.document("users", folder.user_id, "videos", "talk", "clips", CLIP[:-4])
    await reference.update({"scene_title": "By a worker"})
    folder.write("highlights.json", json.dumps(HIGHLIGHTS).replace("First", "Third"))
    report = await folder.run()
    assert (await folder.get_clips())[CLIP].scene_title == "By a worker"
    assert "scene_title of 1" in told(report)[f"{folder.user_id}/talk/"]


async def test_guess_is_marked_on_the_document(folder: Folder) -> None:
    """The mark is a field of its own; a document that holds facts only has none."""
    folder.write_video({**HIGHLIGHTS, "highlights": [HIGHLIGHTS["highlights"][0]]})
    await folder.run()
    clips = folder.services.firestore.collection("users", folder.user_id, "videos", "talk", "clips")
    known, guessed = [(await clips.document(name[:-4]).get()).to_dict() or {} for name in (CLIP, OTHER_CLIP)]
    assert "guesses" not in known
    assert guessed["guesses"] == {
        "start_time": "00:00:00",
        "end_time": "00:00:01",
        "scene_title": "Second",
        "scene_description": None,
    }


async def test_two_highlights_with_one_id_are_kept_apart(folder: Folder) -> None:
    """The clip shows the first; no clip's scene is the second's new id."""
    twice = [{"id": 1, "title": "First", **TIMES}, {"id": 1, "title": "Again", **TIMES}]
    folder.write_video({**HIGHLIGHTS, "highlights": twice})
    report = await folder.run()
    clips = await folder.get_clips()
    assert (clips[CLIP].scene_title, clips[OTHER_CLIP].scene_title) == ("First", "Second")
    assert "Highlight 2 repeats the id 1; 3 was used." in {problem.text for problem in report.problems}


async def test_times_within_the_rounding_are_placeholders(folder: Folder) -> None:
    """A clip of half a thousandth of a second is imported with the times of a clip without any."""
    close = [{"id": 1, "title": "First", "start": 1.0001, "end": 1.0004}]
    folder.write_video({**HIGHLIGHTS, "highlights": close})
    await folder.run()
    clip = (await folder.get_clips())[CLIP]
    assert (clip.start_time, clip.end_time) == ("00:00:00", "00:00:01")


@pytest.mark.parametrize("name", [f"clips/{CLIP}", "clips/clip_01_01_first_split.jpg", "highlights.json"])
async def test_file_that_vanishes_costs_a_remark(folder: Folder, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is gone between the listing and the upload; all else is imported, and a clip takes its thumbnail."""
    folder.write_video()
    look = uploader.Uploader.look

    async def vanish(self: uploader.Uploader, prefix: str) -> None:
        await look(self, prefix)
        (folder.root / folder.user_id / "talk" / name).unlink()

    monkeypatch.setattr(uploader.Uploader, "look", vanish)
    report = await folder.run()
    clips = await folder.get_clips()
    assert OTHER_CLIP in clips
    assert (CLIP in clips) == (name != f"clips/{CLIP}")
    assert all(not clip.has_thumbnail for clip in clips.values()) == (name != "highlights.json")
    assert folder.key(name) in told(report)
    assert (await folder.read_object("clips/clip_01_01_first_split.jpg") is None) == (name != "highlights.json")


async def test_file_that_changes_while_it_is_read_costs_a_remark(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clip is left out with its thumbnail, and the next run imports both."""
    folder.write_video()
    put = R2Storage.put

    async def change(self: R2Storage, key: str, body: bytes | Path, content_type: str = "") -> None:
        await put(self, key, body, content_type)
        if key.endswith(CLIP):
            folder.write(f"clips/{CLIP}", b"first clip, longer")

    with monkeypatch.context() as patch:
        patch.setattr(R2Storage, "put", change)
        report = await folder.run()
    assert set(await folder.get_clips()) == {OTHER_CLIP}
    assert "changed while it was read" in told(report)[folder.key(f"clips/{CLIP}")]
    assert counts(await folder.run()) == (0, 0, 1, 0, 2)
    assert (await folder.get_clips())[CLIP].file_size_bytes == len(b"first clip, longer")


async def test_clip_says_what_r2_has_after_the_upload(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file grew after it was listed: the document has its size as it was uploaded."""
    folder.write_video()
    look = uploader.Uploader.look

    async def grow(self: uploader.Uploader, prefix: str) -> None:
        await look(self, prefix)
        folder.write(f"clips/{CLIP}", b"longer than when it was listed")

    monkeypatch.setattr(uploader.Uploader, "look", grow)
    await folder.run()
    clip = (await folder.get_clips())[CLIP]
    assert (clip.file_size_bytes, clip.has_thumbnail) == (30, True)
    assert (await folder.reconcile()).drift == []


async def test_date_beyond_what_documents_hold_costs_a_remark(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip is imported with this moment as its date. Few file systems can hold such a date: it is added here."""
    folder.write_video()
    to_moment = sources._to_moment
    monkeypatch.setattr(sources, "_to_moment", lambda seconds: to_moment(seconds + 2**38))
    report = await folder.run()
    clips = await folder.get_clips()
    assert len(clips) == 2
    assert all(abs(datetime.now(UTC) - clip.created_at) < timedelta(days=1) for clip in clips.values())
    assert "date" in told(report)[folder.key(f"clips/{CLIP}")]
    assert (to_moment(-(2**38)), to_moment(float(2**62))) == (None, None)


async def test_empty_clip_is_left_out_with_its_thumbnail(folder: Folder) -> None:
    """Neither is uploaded, and both are named."""
    folder.write_video()
    folder.write(f"clips/{CLIP}", b"")
    report = await folder.run()
    assert set(await folder.get_clips()) == {OTHER_CLIP}
    assert {folder.key(f"clips/{CLIP}"), folder.key("clips/clip_01_01_first_split.jpg")} == set(told(report))
    assert await folder.read_object("clips/clip_01_01_first_split.jpg") is None


async def test_video_that_would_be_too_large_is_imported_without_what_makes_it_so(folder: Folder) -> None:
    """Thousands of categories and styles; the rest of the video is there, and its statistics are right."""
    many = [{"id": at, "title": "T", "hook_category": f"{at:05}" + "c" * 1_000, **TIMES} for at in range(1, 1_500)]
    folder.write_video({**HIGHLIGHTS, "highlights": many})
    for at in range(1, 1_300):
        folder.write(f"clips/clip_01_01_x_{at:05}{'s' * 220}.mp4")
    dry = await folder.run(dry_run=True)
    report = await folder.run()
    assert report == dry
    video = await folder.get_video()
    assert (video.video_title, video.highlights_count) == ("A talk", 1_499)
    assert video.clips_count == sum(video.clips_by_style.values()) == 1_301
    assert video.clips_by_style["unknown"] > 100
    assert any("too many categories" in problem.text for problem in report.problems)


@pytest.mark.parametrize(
    "url", ["talk.mp4", "C:\\videos\\talk.mp4", "the talk. From Tuesday", "https://example.com:65536/", "https://a b/"]
)
async def test_address_that_is_none_becomes_blank(folder: Folder, url: str) -> None:
    """It is told, and marked as a guess."""
    folder.write_video({**HIGHLIGHTS, "video_url": url})
    report = await folder.run()
    assert (await folder.get_video()).video_url == UNKNOWN_VIDEO_URL
    assert "not a web address" in told(report)[folder.key("highlights.json")]


async def test_file_above_the_limit_of_one_upload_costs_a_remark(folder: Folder) -> None:
    """A file above 5 GiB is left out with its reason, and the other clip is imported; a dry run says so, too."""
    folder.write_video()
    os.truncate(folder.write(f"clips/{CLIP}"), MAX_PUT_BYTES + 1)
    for dry_run in (True, False):
        report = await folder.run(dry_run=dry_run)
        assert report.clips_created == 1
        assert "larger than 5,368,709,120 bytes" in " ".join(map(str, report.problems))
    assert set(await folder.get_clips()) == {OTHER_CLIP}


async def test_links_that_leave_the_folder_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    """Links to a file, to a folder and to nothing are named; one that stays within is a clip like any other."""
    folder.write_video()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    clips = folder.root / folder.user_id / "talk" / "clips"
    (clips / "clip_03_01_x_split.mp4").symlink_to(tmp_path / "secret.mp4")
    (clips / "clip_04_01_x_split.mp4").symlink_to(tmp_path / "nothing")
    (folder.root / folder.user_id / "linked").symlink_to(tmp_path / "outside")
    (clips / "clip_05_01_x_split.mp4").symlink_to(clips / CLIP)
    os.mkfifo(clips / "clip_06_01_x_split.mp4")
    report = await folder.run()
    assert set(await folder.get_clips()) == {CLIP, OTHER_CLIP, "clip_05_01_x_split.mp4"}
    names = ["clips/clip_03_01_x_split.mp4", "clips/clip_04_01_x_split.mp4", "clips/clip_06_01_x_split.mp4"]
    assert set(told(report)) == {*map(folder.key, names), f"{folder.user_id}/linked"}
    assert await folder.read_object(names[0]) is None


async def test_nothing_is_skipped_without_a_remark(folder: Folder) -> None:
    """Hidden names in any part of the path, other forms of Unicode, other types and thumbnails without a clip."""
    folder.write_video()
    names = {
        "clips/._clip_01_01_first_split.mp4",
        "clips/.hidden/clip_01_01_first_split.mp4",
        ".DS_Store",
        "clips/Thumbs.db",
        "clips/cafe\u0301.mp4",
        "clips/page.html",
        "clips/lone.jpg",
        "clips/lone.PNG",
        "notes.txt",
        "clips/deep/clip_01_01_first_split.mp4",
        "clips/a\u202eb.mp4",
    }
    for name in names:
        folder.write(name)
    latin = folder.write("clips/latin")
    latin.rename(latin.with_name(os.fsdecode(b"\xe9.mp4")))
    folder.write("clips/clip_01_01_first_split.mp4", video_id=".git")
    folder.write("readme.txt", video_id="nothing")
    report = await folder.run()
    assert set(await folder.get_clips()) == {CLIP, OTHER_CLIP}
    expected = {*map(folder.key, names), folder.key("clips/\ufffd.mp4")}
    expected |= {f"{folder.user_id}/.git/clips/{CLIP}", f"{folder.user_id}/nothing/readme.txt"}
    assert set(told(report)) == expected
    assert [video.video_id for video in await folder.services.videos(folder.user_id).list_videos()] == ["talk"]
    assert (await folder.reconcile()).drift == []


async def test_r2_names_what_it_skips_and_only_the_users_files(folder: Folder) -> None:
    """Hidden files of the bucket itself are named too; another user's are not, where one is asked for."""
    storage = folder.services.storage
    mine = [folder.key("clips/._a.mp4"), folder.key("clips/lone.jpg"), folder.key("a.txt")]
    others = [f"{folder.user_id}-2/talk/clips/._a.mp4", f"{folder.user_id}-readme.txt"]
    for key in [*mine, *others, folder.key(f"clips/{CLIP}")]:
        await storage.put(key, b"x")
    report = await folder.run_r2("", folder.user_id)
    assert set(told(report)) == {*mine, f"{folder.user_id}/talk/", folder.key(f"clips/{CLIP}")}
    everybody = told(await folder.run_r2(folder.user_id))
    assert set(others) <= set(everybody)
    assert set(told(await folder.run_r2(f"{folder.user_id}-", folder.user_id))) == set()


@pytest.mark.parametrize("is_dry", [False, True])
async def test_a_known_clip_keeps_its_file(folder: Folder, is_dry: bool) -> None:
    """A new file that differs in its extension only gets the remark, also where it is the usual `.mp4`."""
    known, new = "clip_01_01_first_split.mov", "clip_01_01_first_split.mp4"
    folder.write(f"clips/{known}")
    await folder.run()
    folder.write(f"clips/{new}", b"another")
    report = await folder.run(dry_run=is_dry)
    skipped = {problem.key for problem in report.problems if "skipped" in problem.text}
    assert skipped == {folder.key(f"clips/{new}")}
    assert (report.clips_unchanged, report.clips_created, report.files_uploaded) == (1, 0, 0)
    assert list(await folder.get_clips()) == [known]
    assert await folder.read_object(f"clips/{new}") is None


async def test_every_extension_that_the_api_takes_is_imported(folder: Folder) -> None:
    """In any case; of two files that differ in the extension only, one is the clip, and the other is named."""
    names = {"clip_01_01_a_split.MP4", "clip_01_01_b_split.webm", "clip_01_01_c_split.MoV", "clip_01_01_d_split.mkv"}
    for name in [*names, "clip_01_01_b_split.avi"]:
        folder.write(f"clips/{name}")
    folder.write("highlights.json", json.dumps(HIGHLIGHTS))
    report = await folder.run()
    names = names - {"clip_01_01_b_split.webm"} | {"clip_01_01_b_split.avi"}
    clips = await folder.get_clips()
    assert set(clips) == names
    assert {clip.style for clip in clips.values()} == {"split"}
    assert set(told(report)) == {folder.key("clips/clip_01_01_b_split.webm")}
    assert (await folder.reconcile()).drift == []


async def test_json_in_fences_and_odd_texts_are_mended_with_a_remark(folder: Folder) -> None:
    """The import mends titles as the API does."""
    turned = json.dumps(HIGHLIGHTS).replace("A talk", "\\u202eA talk \\ud83d")
    folder.write_video(None)
    folder.write("highlights.json", f"Here you are:\n```json\n{turned}\n```\n")
    report = await folder.run()
    assert (await folder.get_video()).video_title == "A talk \ufffd"
    texts = [problem.text for problem in report.problems]
    assert any("Markdown fence" in text for text in texts)
    assert any("video_title" in text and "surrogate" in text and "direction" in text for text in texts)


async def test_video_that_is_known_keeps_what_its_workers_say(folder: Folder) -> None:
    """Its status and its styles stay; a style of which there are files joins them."""
    folder.write_video()
    folder.write("clips/clip_03_01_first_original.mp4")
    await folder.run()
    videos = folder.services.videos(folder.user_id)
    await videos.update_video_status("talk", VideoStatus.PROCESSING)
    await videos.update_video("talk", {"styles_processed": ["left_focus"]})
    await folder.run()
    video = await folder.get_video()
    assert video.status is VideoStatus.PROCESSING
    assert set(video.styles_processed) == {"left_focus", "split", "original"}


async def test_dry_run_reports_what_the_real_run_does(folder: Folder) -> None:
    """Over a folder with every kind of fault, before and after an import; nothing is changed by it."""
    folder.write_video()
    folder.write("clips/holiday.mp4")
    folder.write("clips/.hidden.mp4")
    folder.write("notes.txt")
    dry = await folder.run(dry_run=True)
    assert await folder.services.videos(folder.user_id).get_video("talk") is None
    assert await folder.read_object("highlights.json") is None
    assert await folder.run() == dry
    folder.write("highlights.json", json.dumps(HIGHLIGHTS).replace("First", "Third"))
    folder.write("clips/clip_03_01_first_original.mp4")
    folder.write("notes.txt", b"y")
    dry = await folder.run(dry_run=True)
    assert counts(dry) == (0, 1, 1, 1, 3)
    assert await folder.run() == dry


@pytest.mark.parametrize("is_known", [False, True])
async def test_dry_run_meets_the_limit_of_a_document(folder: Folder, is_known: bool) -> None:
    """The styles of a known video, or of a large new one, leave room for some more, and for no others."""
    highlights = {**HIGHLIGHTS, "highlights": []}
    folder.write("highlights.json", json.dumps(highlights))
    if is_known:
        await folder.run()
        big = {"another_programs": "x" * (MAX_DOCUMENT_BYTES - 3_000)}
        await folder.services.firestore.document(f"users/{folder.user_id}/videos/talk").update(big)
    for number in range(60):
        folder.write(f"clips/clip_01_{number:02d}_title_{number:02d}{'s' * 170}.mp4")
    dry = await folder.run(dry_run=True)
    real = await folder.run()
    assert dry == real
    assert bool([one for one in real.problems if "the limit is 1,048,572" in one.text]) == is_known
    assert 0 < real.clips_created < 60 or not is_known


async def test_missing_file_of_a_known_clip_is_restored(folder: Folder) -> None:
    """R2 lost a file and never had a thumbnail; the document says what R2 has then."""
    folder.write_video()
    await folder.run()
    await folder.services.storage.delete([folder.key(f"clips/{CLIP}")])
    folder.write("clips/clip_02_02_second_split.jpg")
    folder.write(f"clips/{OTHER_CLIP}", b"other bytes")
    report = await folder.run()
    assert (report.files_uploaded, report.clips_updated, report.clips_unchanged) == (2, 1, 1)
    assert set(told(report)) == {folder.key(f"clips/{OTHER_CLIP}")}
    assert await folder.read_object(f"clips/{OTHER_CLIP}") == b"second clip"
    assert (await folder.reconcile()).drift == []


async def test_two_imports_at_once_do_the_work_once(folder: Folder) -> None:
    """Their counts together are what was created."""
    folder.write_video()
    reports = await asyncio.gather(folder.run(), folder.run(), return_exceptions=True)
    created = [report.clips_created for report in reports if not isinstance(report, BaseException)]
    assert sum(created) == len(await folder.get_clips()) == 2
