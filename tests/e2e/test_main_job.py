"""The main job, as a newcomer does it: start, query, fetch the files, write, stop, start again."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

FRONTEND_QUERY = """
{ videos { totalCount nodes { title status clipsCount clipsByStyle { style count }
    clips(style: "split") { nodes { title style size url thumbnailUrl } } } } }"""
BUCKET = Path(__file__).parent.parent.parent / "demo" / "bucket" / "demo"


def fetch(url: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as response:  # noqa: S310  an address of ours
        return response.read(), response.headers["content-type"]


def test_demo_clips_are_served_with_their_real_bytes(demo_server: Any) -> None:
    """Every URL in the answer leads to the very bytes that lie in the demo bucket."""
    videos = demo_server.query(FRONTEND_QUERY)["videos"]
    assert videos["totalCount"] == 3
    assert sum(video["clipsCount"] for video in videos["nodes"]) == len(list(BUCKET.rglob("*.mp4")))
    files = {path.read_bytes() for path in BUCKET.rglob("clips/*")}
    clips = [clip for video in videos["nodes"] for clip in video["clips"]["nodes"]]
    assert len(clips) >= 3
    for clip in clips:
        video, video_type = fetch(clip["url"])
        thumbnail, thumbnail_type = fetch(clip["thumbnailUrl"])
        assert {video, thumbnail} <= files
        assert (video_type, thumbnail_type) == ("video/mp4", "image/jpeg")


def test_printed_query_works_as_it_is_printed(demo_server: Any) -> None:
    """The command that the server prints, pasted into a shell, answers with clips."""
    command = demo_server.output[demo_server.output.index("curl") :]
    answer = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=PATIENCE_SECONDS).stdout
    assert b'"errors"' not in answer
    assert answer.count(b'"thumbnailUrl"') >= 2


def test_workers_writes_show_and_outlive_a_restart(serve: Callable[..., Any]) -> None:
    """A video and a clip that a worker writes are read back, also after a restart."""
    server = serve()
    server.query(
        """mutation { createVideo(input: {videoId: "mine", videoUrl: "https://youtu.be/dQw4w9WgXcQ", title: "Mine"}) {
             ... on CreateVideoSuccess { created } } }"""
    )
    server.query(
        """mutation { createClips(input: {videoId: "mine", clips: [{filename: "clip_01_01_hello_split.mp4", sceneId: 1,
             title: "Hello", style: "split", priority: 1, startTime: "00:00:01", endTime: "00:00:03"}]}) {
             ... on CreateClipsSuccess { results { created } } } }"""
    )
    look = '{ videos { totalCount } video(videoId: "mine") { title clips(status: PROCESSING) { nodes { title } } } }'
    expected = {"videos": {"totalCount": 4}, "video": {"title": "Mine", "clips": {"nodes": [{"title": "Hello"}]}}}
    assert server.query(look) == expected
    assert server.stop() == 0
    assert serve().query(look) == expected


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stop_is_clean(serve: Callable[..., Any], tmp_path: Path, sent: signal.Signals) -> None:
    """The exit code is 0, no traceback, and the data directory free for the next at once."""
    assert serve(tmp_path / "data", "--no-demo").stop(sent) == 0
    assert b"Traceback" not in (tmp_path / "server.log").read_bytes()
    serve(tmp_path / "data", "--no-demo")


def test_acknowledged_write_outlives_kill_9(serve: Callable[..., Any]) -> None:
    """An acknowledged video is there after SIGKILL."""
    server = serve()
    server.query(
        """mutation { createVideo(input: {videoId: "mine", videoUrl: "https://a.b/c", title: "Mine"}) {
             ... on CreateVideoSuccess { created } } }"""
    )
    server.stop(signal.SIGKILL)
    assert serve().query('{ video(videoId: "mine") { title } }') == {"video": {"title": "Mine"}}


def run_serve(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def test_taken_port_is_one_clear_line(demo_server: Any, tmp_path: Path) -> None:
    """A taken port is one line that names `--port`, and no data directory is made."""
    port = demo_server.address.rsplit(":", 1)[1]
    refused = run_serve("--port", port, "--data-dir", str(tmp_path / "other"))
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "--port" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_second_server_on_the_same_data_is_one_clear_line(serve: Callable[..., Any], tmp_path: Path) -> None:
    """A second server on a data directory in use exits 1 with one line."""
    serve(tmp_path / "data")
    refused = run_serve("--port", "0", "--data-dir", str(tmp_path / "data"))
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1


def test_data_directory_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    """A data directory below a file is refused with its path, and without a traceback."""
    (tmp_path / "file").write_text("not a folder")
    refused = run_serve("--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert refused.returncode != 0
    assert str(tmp_path / "file") in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"CLIPGRAPH_R2_BUCKET": "clips"}, "GOOGLE_CLOUD_PROJECT"),
        ({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, "CLIPGRAPH_R2_ENDPOINT_URL"),
        ({"GOOGLE_CLOUD_PROJECT": "p"}, "CLIPGRAPH_R2_BUCKET"),
        ({"CLIPGRAPH_HOST": "0.0.0.0"}, "127.0.0.1"),  # noqa: S104  this is what must be refused
        ({"CLIPGRAPH_PORT": "eighty"}, "CLIPGRAPH_PORT"),
    ],
    ids=str,
)
def test_half_set_configuration_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], named: str
) -> None:
    """A half-set configuration exits 1 with one line."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused = (
        run_serve("--data-dir", str(tmp_path / "data"), "--port", "0")
        if "CLIPGRAPH_PORT" not in environment
        else run_serve()
    )
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert named in refused.stderr
