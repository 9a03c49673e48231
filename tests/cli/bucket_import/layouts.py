"""Layouts of open-source clippers: file names and JSON as their code makes them, with values of our own.

Each layout lies in a video's folder as a user would copy it there: the clips in `clips/`, their descriptions as
`highlights.json` where the clipper writes a file of that kind, all else beside them under its own name.
"""

import json
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """Files by name below the video's folder, and the filenames that are clips."""

    files: dict[str, bytes]
    clips: set[str]


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def _videos(*names: str) -> dict[str, bytes]:
    """A file with a content of its own for each name."""
    return {f"clips/{name}": f"the bytes of {name}".encode() for name in names}


def _make(clips: dict[str, bytes], others: dict[str, bytes]) -> Layout:
    return Layout(clips | others, {name.removeprefix("clips/") for name in clips})


LAYOUTS = {
    # SamurAIGPT/AI-Youtube-Shorts-Generator: `short_{i:02d}.mp4`, a cut that a crash left over, and its result as JSON.
    "shorts-generator": _make(
        _videos("short_01.mp4", "short_02.mp4", "short_03.mp4.cut.mp4"),
        {
            "highlights.json": _json(
                {
                    "mode": "local",
                    "source_video_url": "downloads/interview.mp4",
                    "transcript": {"segments": [{"start": 0.0, "end": 4.2, "text": "Welcome back"}]},
                    "highlights": [
                        {
                            "title": "The bet",
                            "start_time": 12.5,
                            "end_time": 48.0,
                            "score": 91,
                            "hook_sentence": "I bet",
                        },
                        {
                            "title": "The loss",
                            "start_time": 80.0,
                            "end_time": 121.4,
                            "score": 77,
                            "hook_sentence": "We lost",
                        },
                    ],
                    "shorts": [{"title": "The bet", "clip_url": "output/short_01.mp4"}],
                }
            ),
        },
    ),
    # mutonby/openshorts: `{base}_clip_{i}.mp4` beside `source_…`, and `{base}_metadata.json` with `shorts`.
    "openshorts": _make(
        _videos("Ma journée_clip_1.mp4", "source_Ma journée_clip_1.mp4", "Ma journée_clip_2.mp4"),
        {
            "clips/Ma journée_metadata.json": _json(
                {
                    "aspect": "9:16",
                    "transcript": {"language": "fr"},
                    "shorts": [
                        {
                            "start": 3.2,
                            "end": 31.9,
                            "video_title_for_youtube_short": "Matin",
                            "viral_hook_text": "Debout",
                        }
                    ],
                }
            ),
        },
    ),
    # jipraks/yt-short-clipper: a folder a clip, `clips/clip_{i:03d}/master.mp4`, with `data.json` beside it.
    "yt-short-clipper": Layout(
        {
            "clips/clip_000/master.mp4": b"first master",
            "clips/clip_000/data.json": _json({"highlight_index": 0, "title": "Start", "start_time": "00:00:10,500"}),
            "clips/clip_001/master.mp4": b"second master",
            "clips/clip_001/data.json": _json({"highlight_index": 1, "title": "Ende", "start_time": "00:04:02,000"}),
            "words.json": _json([{"word": "hallo", "start": 0.1, "end": 0.4}]),
            "session_data.json": _json({"status": "completed", "clips_processed": 2}),
        },
        set(),
    ),
    # heyitsjearbear/clip-cutter: `clip_{index}_{platform}.mp4`, captions as text, and a model's answer in a fence.
    "clip-cutter": _make(
        _videos("clip_1_tiktok.mp4", "clip_2_linkedin.mp4"),
        {
            "clips/clip_2_caption.txt": b"Three things I learned",
            "highlights.json": b'```json\n{"highlights": [{"start": "0:21", "end": "0:55", "transcript": "So", '
            b'"platform": "tiktok", "hook": "So"}, {"start": "1:02", "end": "2:10", "transcript": "And"}]}\n```',
        },
    ),
    # One that renders `{highlight id}.mp4` from a highlights.json with ids as text, and writes `clips.json` after it.
    "ids-as-text": _make(
        _videos("highlight-1.mp4", "highlight-2.mp4"),
        {
            "highlights.json": _json(
                {
                    "highlights": [
                        {
                            "id": "highlight-1",
                            "start": 4.25,
                            "end": 19.0,
                            "score": 0.93,
                            "hook": "Wait",
                            "reason": "humor",
                        },
                        {
                            "id": "highlight-2",
                            "start": 44.0,
                            "end": 44.0002,
                            "score": 0.4,
                            "hook": "Hm",
                            "reason": "calm",
                        },
                    ]
                }
            ),
            "clips.json": _json({"clips": [{"id": "highlight-1", "aspectRatio": "9:16", "layoutMode": "full-crop"}]}),
        },
    ),
    # Names that hold the times: `clip_{i:02d}_inicio_{s}s_duracao_{s}s.mp4`.
    "times-in-names": _make(
        _videos("clip_01_inicio_12s_duracao_34s.mp4", "clip_02_inicio_90s_duracao_21s.mp4"),
        {"highlights.json": _json([{"timestamp_inicio": "00:00:12", "timestamp_fim": "00:00:46", "score": 8}])},
    ),
    # Rank, score and title: `clip_{rank:02d}_{score:02d}_{title}.mp4` with an `.srt` each.
    "score-in-names": _make(
        _videos("clip_01_87_why_nobody_tells_you_this.mp4", "clip_02_64_the_quiet_part.mp4"),
        {
            "clips/clip_01_87_why_nobody_tells_you_this.srt": b"1\n00:00:00,000 --> 00:00:02,000\nWhy",
            "highlights.json": _json(
                {
                    "video_title": "The quiet part",
                    "highlights": [
                        {"rank": 1, "title": "Why nobody tells you this", "start": 31.0, "end": 58.5, "duration": 27.5},
                        {"rank": 2, "title": "The quiet part", "start": 99.0, "end": 130.0, "duration": 31.0},
                    ],
                }
            ),
        },
    ),
    # `{media}_{platform}_clip_{i}.mp4` whose thumbnails are called `…_thumb_{i}.jpg`, as no clip's are.
    "thumbs-of-other-names": _make(
        _videos("a81f_tiktok_clip_1.mp4", "a81f_youtube_clip_1.mp4"),
        {"clips/a81f_tiktok_thumb_1.jpg": b"image", "clips/a81f_youtube_thumb_1.jpg": b"image"},
    ),
    # `clip_{i:02d}_final.mp4`, with the subtitles that were burned in as images, in folders that begin with `_`.
    "burned-subtitles": _make(
        _videos("clip_01_final.mp4", "clip_02_final.mp4"),
        {
            "clips/_subs_01/s000.png": b"png",
            "clips/clip_01.srt": b"1\n00:00:00,000 --> 00:00:02,000\n\xe5\xa5\xbd",
            "highlights.json": b"",
        },
    ),
    # A recorder that writes WebM and QuickTime, on a Mac: `clip_{i:02d}_score{n}`, with what its file system leaves.
    "other-extensions": _make(
        _videos("clip_00_score87.webm", "clip_01_score71.MOV"),
        {
            "clips/._clip_00_score87.webm": b"resource fork",
            ".DS_Store": b"finder",
            "clips/clip_00_score87.jpg": b"its thumbnail",
            "clips/clip_00_score87.gif": b"GIF89a",
        },
    ),
}
