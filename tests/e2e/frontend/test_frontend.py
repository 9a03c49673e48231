"""The page of docs/frontend.md in a real browser, on another origin than the API and the files.

It seeks, uploads, follows live and deletes as its snippets do, under the documented policies, without a warning.
"""

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from gql.authentication.dev_tokens import mint_token
from gql.permissions import Role
from tests.browser import CHROMIUM, open_page, watch_console
from tests.cli.commands.test_s3 import find_two_free_ports
from tests.e2e.conftest import Server, start_server
from tests.e2e.frontend.snippets import PAGE, Build, list_packages, read_policy
from tests.e2e.frontend.stage import PageHandler, PageServer, Stage
from tests.e2e.test_clients import CREATE_CLIPS, CREATE_VIDEO, UPDATE_CLIPS, UPLOAD, make_clip
from tests.embedded.s3.test_browser import PLAY, READ
from tests.npm import install_packages

pytestmark = [
    pytest.mark.prove,
    pytest.mark.once,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install npm"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: apt-get install ffmpeg"),
]

LARGE_BYTES = 20_000_000
PART_BYTES = 8 * 1024**2
CLIPS = 20
STYLES = ("split", "wide")
LIBRARIES = ("apollo", "urql", "relay")
START_SECONDS = 5
DELETE_VIDEO = "mutation ($videoId: ID!) { deleteVideo(input: {videoId: $videoId}) { __typename } }"
COUNT = "query ($videoId: ID!) { video(videoId: $videoId) { clipsCount } }"
ADDRESSES = """query ($videoId: ID!) {
  video(videoId: $videoId) { clips { nodes { id clipId url thumbnailUrl urlsExpireAt } } }
}"""
REFUSED = "Failed to load resource: the server responded with a status of"


@pytest.fixture(scope="module")
def build(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The snippets, compiled, beside the libraries."""
    folder = tmp_path_factory.mktemp("build")
    (folder / "node_modules").symlink_to(install_packages(pytestconfig.cache.mkdir("page"), PAGE) / "node_modules")
    made = Build(folder)
    made.write_sources()
    return made


def test_page_installs_the_packages_that_are_tested() -> None:
    """The set-up names each library and tool of the locked ones, and no other."""
    assert list_packages() == set(json.loads((PAGE / "package.json").read_text(encoding="utf-8"))["dependencies"])


@pytest.fixture(scope="module")
def api(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server that runs the page's documents only for users, and its data directory."""
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as environment, (folder / "server.log").open("ab") as log:
        environment.setenv("CLIPGRAPH_TRUSTED_DOCUMENTS", str(build.compile_documents()))
        environment.setenv("CLIPGRAPH_TRUSTED_DOCUMENTS_ONLY", "true")
        server = start_server(folder / "data", log, "--no-demo")
        yield server, folder / "data"
        server.stop()
        assert server.process.stdout
        server.process.stdout.close()


@pytest.fixture(scope="module")
def pages(build: Build, api: tuple[Server, Path], film: Path) -> Iterator[PageServer]:
    """The page on an origin of its own, with the film to upload."""
    server, data_dir = api
    folder = build.bundle(f"{server.address}/graphql")
    shutil.copy(film, folder / "film.mp4")
    with PageServer(("127.0.0.1", 0), partial(PageHandler, directory=str(folder))) as pages:
        pages.policy = read_policy(server.address, find_origin(sign(server, "policy", "clip.mp4", 1)["url"]))
        pages.tokens = [mint_token(data_dir, "demo", Role.WORKER, 3600)]
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield pages
        pages.shutdown()


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    """A page of a headless browser."""
    with open_page(900, 700) as page:
        yield page


@pytest.fixture
def stage(api: tuple[Server, Path], pages: PageServer, browser_page: Page) -> Iterator[Stage]:
    """The page, newly opened; a warning or an error in its console fails the test."""
    problems = watch_console(browser_page)
    made = Stage(api[0], pages, browser_page, problems)
    made.open()
    yield made
    assert problems == []


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty megabytes that do not compress, with a key frame each second."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_film(path, "-f", "lavfi", "-i", "color=gray:s=320x180:r=10:d=30,noise=alls=100:allf=t", "-g", "10", "-qp", "8")
    assert path.stat().st_size > LARGE_BYTES
    return path


def make_film(path: Path, *options: str) -> None:
    """The path is a film, made by ffmpeg, that browsers play."""
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *options, *encode, str(path)], check=True)


def draw_picture(path: Path, width: int) -> bytes:
    """A JPEG of this width."""
    options = ["-f", "lavfi", "-i", f"color=red:s={width}x64:d=1", "-frames:v", "1"]
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *options, str(path)], check=True)
    return path.read_bytes()


def take_screenshot(page: Page, name: str) -> None:
    """CLIPGRAPH_SCREENSHOTS names a folder for pictures, for people to look at."""
    if folder := os.environ.get("CLIPGRAPH_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def sign(server: Server, video_id: str, filename: str | None, size_bytes: int, kind: str = "CLIP") -> Any:
    """A signed PUT for a file of a video, which exists from now on."""
    server.query(CREATE_VIDEO, videoId=video_id)
    files = [{"kind": kind, "filename": filename, "sizeBytes": size_bytes}]
    return server.query(UPLOAD, input={"videoId": video_id, "files": files})["createUploadUrls"]["uploads"][0]


def put_file(server: Server, video_id: str, filename: str | None, content: bytes, kind: str = "CLIP") -> None:
    """The file is in the bucket, as a worker puts it."""
    upload = sign(server, video_id, filename, len(content), kind)
    headers = {header["name"]: header["value"] for header in upload["headers"]}
    with httpx.Client(trust_env=False) as client:
        client.put(upload["url"], content=content, headers=headers).raise_for_status()


def create_clips(server: Server, video_id: str, names: list[str]) -> None:
    """The clips exist, and are processed."""
    clips = [make_clip(number, name) for number, name in enumerate(names)]
    server.query(CREATE_CLIPS, input={"videoId": video_id, "clips": clips})


def set_status(server: Server, video_id: str, names: list[str], status: str = "COMPLETED") -> None:
    """The clips have the status."""
    changes = [{"clipId": name, "status": status} for name in names]
    server.query(UPDATE_CLIPS, input={"videoId": video_id, "clips": changes})


def complete_clips(server: Server, video_id: str, names: list[str]) -> None:
    """The clips are completed, with a file of four bytes each."""
    for name in names:
        put_file(server, video_id, f"{name}.mp4", b"clip")
    create_clips(server, video_id, names)
    set_status(server, video_id, names)


def name_clips(count: int) -> list[str]:
    """Ids of clips."""
    return [f"clip_{number:02d}_{number:02d}_a-title_{STYLES[number % 2]}" for number in range(count)]


def test_page_uploads_in_one_and_in_parts_then_seeks(stage: Stage, film: Path) -> None:
    """Progress grows to the whole size; the film plays and seeks three times, twice, and its ranges are the file's."""
    stage.api.query(CREATE_VIDEO, videoId="film")
    content, names = film.read_bytes(), name_clips(2)
    for name, content_type, part_bytes in zip(names, ("video/mp4", ""), (None, PART_BYTES), strict=True):
        progress = stage.run("uploadFile", "film", "film.mp4", f"{name}.mp4", content_type, part_bytes)
        assert progress == sorted(progress)
        assert progress[-1] == len(content)
        assert len(progress) > 2
    create_clips(stage.api, "film", names)
    set_status(stage.api, "film", names)
    for clip in stage.api.query(ADDRESSES, videoId="film")["video"]["clips"]["nodes"]:
        for _ in range(2):
            assert stage.page.evaluate(PLAY, [clip["url"], [0.8, 0.1, 0.5]]) == [True] * 5
        middle = len(content) // 2
        for first, last in ((0, 99), (middle, middle + 9999), (len(content) - 10, len(content) - 1)):
            expected = [206, f"bytes {first}-{last}/{len(content)}", digest(content[first : last + 1])]
            assert stage.page.evaluate(READ, [clip["url"], f"bytes={first}-{last}"]) == expected
        assert stage.page.evaluate(READ, [clip["url"], None]) == [200, None, digest(content)]


def digest(content: bytes) -> str:
    """The SHA-256 of the content, in hex."""
    return hashlib.sha256(content).hexdigest()


def test_rendered_again_the_new_picture_is_shown_without_a_reload(stage: Stage, tmp_path: Path) -> None:
    """The clip's new file has another URL, which live brings into the cache: the picture on the page changes."""
    [name] = name_clips(1)
    for width in (64, 96):
        put_file(stage.api, "picture", f"{name}.mp4", b"clip" * width)
        put_file(stage.api, "picture", f"{name}.mp4", draw_picture(tmp_path / "picture.jpg", width), "THUMBNAIL")
        if width == 64:
            create_clips(stage.api, "picture", [name])
            set_status(stage.api, "picture", [name])
            stage.run("showPicture", "picture")
        else:
            set_status(stage.api, "picture", [name], "PROCESSING")
            set_status(stage.api, "picture", [name])
        stage.wait("await snippets.getPictureWidth() === value", width)
    take_screenshot(stage.page, "picture")


def test_page_follows_a_video_from_its_creation_over_both_transports(stage: Stage) -> None:
    """From the version of its query on, each transport tells twenty clips, nothing twice, and the right counts."""
    stage.api.query(CREATE_VIDEO, videoId="live")
    names = name_clips(CLIPS)
    complete_clips(stage.api, "live", names[:1])
    version = stage.run("follow", "live")["version"]
    complete_clips(stage.api, "live", names[1:])
    done = """['socket', 'stream'].every((name) => {
      const newest = new Map(snippets.getSeen()[name].map(({ clip }) => [clip.id, clip]));
      return newest.size === value - 1 && [...newest.values()].every(({ status }) => status === "COMPLETED");
    })"""
    stage.wait(done, CLIPS)
    for name in ("socket", "stream"):
        events = stage.run("getSeen")[name]
        versions = [event["version"] for event in events]
        assert versions == sorted(set(versions))
        assert versions[0] > version
        assert events[-1]["video"]["clipsCount"] == CLIPS


def test_delete_evicts_in_each_library_and_live_in_the_others(stage: Stage) -> None:
    """A clip that one library deletes leaves the lists and the counts of all, over two pages."""
    names = name_clips(CLIPS + 2)
    complete_clips(stage.api, "delete", names)
    stage.run("openLibraries", "delete")
    shows = "['apollo', 'urql', 'relay'].every((it) => snippets.getSeen()[it]?.count === value)"
    left = {
        clip["clipId"]: clip["id"] for clip in stage.api.query(ADDRESSES, videoId="delete")["video"]["clips"]["nodes"]
    }
    stage.wait(shows, len(left))
    for name, library in zip(names[::8], LIBRARIES, strict=True):
        assert {tuple(stage.run("getSeen")[it]["clips"]) for it in LIBRARIES} == {tuple(left.values())}
        stage.run("deleteBy", library, name)
        del left[name]
        stage.wait(shows, len(left))
    assert {tuple(stage.run("getSeen")[it]["clips"]) for it in LIBRARIES} == {tuple(left.values())}
    assert stage.api.query(COUNT, videoId="delete")["video"]["clipsCount"] == len(left)


def test_users_live_by_trusted_documents_in_each_library(
    stage: Stage, api: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where text is refused, a user queries, follows and deletes by ids, which fill the caches; nothing else passes."""
    names = name_clips(4)
    complete_clips(stage.api, "trusted", names)
    monkeypatch.setattr(stage.pages, "tokens", [mint_token(api[1], "demo", Role.USER, 3600)])
    with pytest.raises(PlaywrightError, match="trusted"):
        stage.run("ask", COUNT, {"videoId": "trusted"})
    stage.run("openById", "trusted")
    shows = "['apollo', 'urql', 'relay'].every((it) => snippets.getSeen()[it]?.clips.length === value)"
    stage.wait(shows, len(names))
    for left, (name, library) in enumerate(zip(names, LIBRARIES, strict=False), 1):
        stage.run("deleteBy", library, name)
        stage.wait(shows, len(names) - left)
    assert stage.api.query(COUNT, videoId="trusted")["video"]["clipsCount"] == len(names) - len(LIBRARIES)


def test_highlights_of_two_videos_stay_apart_in_caches(stage: Stage) -> None:
    """Highlights of the same scene in two videos keep their own titles."""
    for video_id in ("one", "two"):
        highlights = [{"id": 1, "title": f"Of {video_id}", "start": "00:00:01", "end": "00:00:02", "priority": 1}]
        content = {"video_url": "about:blank", "video_title": "A", "highlights": highlights}
        put_file(stage.api, video_id, None, json.dumps(content).encode(), "HIGHLIGHTS")
    titles = [["Of one"], ["Of two"]]
    assert stage.run("readHighlights", ["one", "two"]) == {"apollo": titles, "urql": titles}


def test_headers_and_methods_of_libraries(stage: Stage) -> None:
    """Tracing's and Apollo's headers pass the preflight; urql's default, a GET, is a 400 that the page may read."""
    json_type = {"content-type": "application/json"}
    tracing = {"apollographql-client-name": "web", "apollographql-client-version": "1", "traceparent": "00-1-2-01"}
    assert stage.run("getStatus", "{ __typename }", "POST", json_type | tracing) == 200
    assert stage.run("getStatus", "{ __typename }", "GET", {}) == 400
    assert stage.problems == [f"{REFUSED} 400 (Bad Request)"]
    stage.problems.clear()


def test_refused_token_is_replaced(stage: Stage) -> None:
    """A token that the server refuses is replaced once, for a request as for a socket, which connects again."""
    stage.api.query(CREATE_VIDEO, videoId="token")
    stage.pages.tokens.insert(0, "expired")
    stage.run("follow", "token")
    complete_clips(stage.api, "token", name_clips(1))
    stage.wait("snippets.getSeen().socket.length > 0 && snippets.getSeen().stream.length > 0")
    assert stage.problems == [f"{REFUSED} 401 (Unauthorized)"]
    stage.problems.clear()
    stage.open()
    stage.pages.tokens.insert(0, "expired")
    stage.run("followFirst", "token")
    stage.wait("snippets.getSeen().socket.length > 0")
    assert len(stage.pages.tokens) == 1


def test_page_without_a_token_sends_none_and_names_the_cause(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of HTML, or a 404, in place of a token is an error that says so; an empty token sends no header."""
    stage.api.query(CREATE_VIDEO, videoId="bare")
    monkeypatch.setattr(stage.pages, "tokens", ["<!doctype html>\n<title>A page</title>", "Not found", ""])
    for status in (200, 404):
        monkeypatch.setattr(stage.pages, "token_status", status)
        with pytest.raises(PlaywrightError, match=f"/token answered {status} without a token"):
            stage.run("ask", COUNT, {"videoId": "bare"})
    assert stage.problems == [f"{REFUSED} 404 (Not Found)"]
    stage.problems.clear()
    monkeypatch.setattr(stage.pages, "token_status", 200)
    assert stage.run("ask", COUNT, {"videoId": "bare"}) == {"video": {"clipsCount": 0}}
    stage.run("follow", "bare")
    complete_clips(stage.api, "bare", name_clips(1))
    stage.wait("snippets.getSeen().socket.length > 0 && snippets.getSeen().stream.length > 0")


@pytest.mark.parametrize("is_expired", [False, True])
def test_player_takes_a_new_address_and_plays_on(stage: Stage, tmp_path: Path, is_expired: bool) -> None:
    """Before its address expires, and after it was refused, the player goes on where it was, once asking succeeds."""
    [name] = name_clips(1)
    make_film(tmp_path / "gray.mp4", "-f", "lavfi", "-i", "color=gray:s=160x90:r=10:d=60", "-g", "10")
    put_file(stage.api, "player", f"{name}.mp4", (tmp_path / "gray.mp4").read_bytes())
    create_clips(stage.api, "player", [name])
    set_status(stage.api, "player", [name])
    [clip] = stage.api.query(ADDRESSES, videoId="player")["video"]["clips"]["nodes"]
    url = f"{clip['url'][:-1]}{'0' if clip['url'][-1] != '0' else '1'}" if is_expired else clip["url"]
    soon = clip["urlsExpireAt"] if is_expired else "2000-01-01T00:00:00Z"
    stage.run("play", url, "player", 7200, soon, START_SECONDS)
    stage.wait("(() => { const it = snippets.getPlayer(); return it.src !== value && it.currentTime > 0; })()", url)
    player = stage.run("getPlayer")
    _, asked_seconds = stage.run("getSeen")["asked"]
    assert player["currentTime"] >= asked_seconds >= START_SECONDS
    take_screenshot(stage.page, f"player-{is_expired}")
    assert not player["paused"]
    assert not player["hasError"]
    assert find_validity(clip["url"]) < 7200 <= find_validity(player["src"])


def test_addresses_survive_a_restart(
    stage: Stage, film: Path, tmp_path: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files' origin is the same after a restart: an address from before plays and seeks, under the same policy."""
    options = ("--no-demo", "--port", str(find_two_free_ports()))
    server, [name] = serve(tmp_path / "data", *options), name_clips(1)
    put_file(server, "restart", f"{name}.mp4", film.read_bytes())
    create_clips(server, "restart", [name])
    set_status(server, "restart", [name])
    url = find_address(server, "restart")
    monkeypatch.setattr(stage.pages, "policy", read_policy(server.address, find_origin(url)))
    stage.open()
    assert stage.page.evaluate(PLAY, [url, [0.5]]) == [True] * 3
    server.stop()
    assert find_origin(find_address(serve(tmp_path / "data", *options), "restart")) == find_origin(url)
    assert stage.page.evaluate(PLAY, [url, [0.9, 0.2]]) == [True] * 4
    assert stage.page.evaluate(READ, [url, "bytes=0-99"])[2] == digest(film.read_bytes()[:100])


def find_address(server: Server, video_id: str) -> str:
    """The address of the video's first clip."""
    return str(server.query(ADDRESSES, videoId=video_id)["video"]["clips"]["nodes"][0]["url"])


def find_origin(url: str) -> str:
    """The scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def find_validity(url: str) -> int:
    """The seconds for which an address was signed."""
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])
