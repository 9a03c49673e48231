"""ListObjectsV2 and V1: order, folders, pages, and what is said of each object."""

from typing import Any

import pytest

from tests.embedded.s3.conformance.place import Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row, scenario
from tests.embedded.s3.server import ServerProcess

X = Given(b"x")
TREE = dict.fromkeys(("a", "a-b", "a/", "a/1", "a/b/2", "a/b/3", "aa", "b/4", "c"), X)
KEYS = ["a", "a-b", "a/", "a/1", "a/b/2", "a/b/3", "aa", "b/4", "c"]
BELOW_A = [key for key in KEYS if key.startswith("a/")]


def listed(what: str, query: dict[str, str], keys: list[str], folders: list[str] | None = None, **more: Any) -> Row:
    """A row that lists the tree, V2 unless its query says `marker`."""
    version = {} if "marker" in query else {"list-type": "2"}
    says = {"Contents/Key": keys, "CommonPrefixes/Prefix": folders or [], **more.pop("says", {})}
    usual: dict[str, Any] = {"source": "aws", "given": TREE}
    return Row(what=what, path="", query={**version, **query}, says=says, **{**usual, **more})


@each_row(
    listed("all, in the order of their bytes", {}, KEYS, says={"KeyCount": ["9"], "IsTruncated": ["false"]}),
    listed("an empty bucket", {}, [], given={}, says={"KeyCount": ["0"], "Name": ["{bucket}"]}),
    listed("below a prefix", {"prefix": "a/"}, BELOW_A, says={"Prefix": ["a/"]}),
    listed("below a prefix that is no folder", {"prefix": "a/b/2"}, ["a/b/2"]),
    listed("below a prefix in the middle of a name", {"prefix": "a"}, KEYS[:7]),
    listed("below a prefix of nothing", {"prefix": "zzz"}, []),
    listed("folders", {"delimiter": "/"}, ["a", "a-b", "aa", "c"], ["a/", "b/"], says={"KeyCount": ["6"]}),
    listed("folders below a folder", {"delimiter": "/", "prefix": "a/"}, ["a/", "a/1"], ["a/b/"]),
    listed("folders below a prefix in a name", {"delimiter": "/", "prefix": "a"}, ["a", "a-b", "aa"], ["a/"]),
    listed("another delimiter", {"delimiter": "b"}, ["a", "a/", "a/1", "aa", "c"], ["a-b", "a/b", "b"]),
    listed("an empty delimiter", {"delimiter": ""}, KEYS, source="notes"),
    listed("a delimiter of several letters", {"delimiter": "/b/"}, ["a", "a-b", "a/", "a/1", "aa", "b/4", "c"],
           ["a/b/"]),
    listed("beyond a key", {"start-after": "a/b/2"}, ["a/b/3", "aa", "b/4", "c"], says={"StartAfter": ["a/b/2"]}),
    listed("beyond a key that is not there", {"start-after": "a/b/25"}, ["a/b/3", "aa", "b/4", "c"]),
    listed("beyond all", {"start-after": "zzz"}, []),
    listed("beyond a key, below a prefix", {"start-after": "a/1", "prefix": "a/"}, ["a/b/2", "a/b/3"]),
    listed("beyond a key with numbers after it", {"start-after": "k1"}, ["k10", "k2"], source="notes",
           given=dict.fromkeys(("k1", "k10", "k2"), X)),
    listed("no keys are wanted", {"max-keys": "0"}, [], source="notes", says={"IsTruncated": ["false"]}),
    listed("as many as there are", {"max-keys": "9"}, KEYS, source="notes",
           says={"IsTruncated": ["false"], "NextContinuationToken": []}),
    listed("fewer than there are", {"max-keys": "2"}, KEYS[:2], says={"IsTruncated": ["true"], "MaxKeys": ["2"]}),
    listed("more than can be wanted", {"max-keys": "5000"}, KEYS, says={"MaxKeys": ["1000"]}),
    listed("folders count", {"max-keys": "3", "delimiter": "/"}, ["a", "a-b"], ["a/"], says={"KeyCount": ["3"]}),
    listed("keys as URLs have them", {"encoding-type": "url"}, ["%3C%C3%A9%3E%20%2B"], given={"<é> +": X},
           says={"EncodingType": ["url"]}),
    listed("keys with markup and control characters", {}, ["<&>\t\n\r"], given={"<&>\t\n\r": X}),
    listed("sizes, ETags and classes", {}, ["a"], given={"a": Given(b"0123456789")}, source="api",
           says={"Contents/Size": ["10"], "Contents/ETag": ["{a.etag}"], "Contents/StorageClass": ["STANDARD"]}),
    listed("owners, where they are wanted", {"fetch-owner": "true"}, ["a"], given={"a": X}, source="api",
           says={"Contents/Owner/ID": ["embedded"]}),
    listed("the key as it was written last", {}, ["He\u0301llo"], given={"He\u0301llo": X}, source="unicode"),
    listed("below a prefix in the other unicode form", {"prefix": "He\u0301"}, ["H\u00e9llo"],
           given={"H\u00e9llo": X}, source="unicode"),
    listed("v1: all", {"marker": ""}, KEYS, says={"IsTruncated": ["false"], "NextMarker": []}, source="notes"),
    listed("v1: beyond a marker", {"marker": "b/4"}, ["c"], says={"Marker": ["b/4"]}),
    listed("v1: folders beyond a folder", {"marker": "a/", "delimiter": "/"}, ["aa", "c"], ["b/"]),
    listed("v1: the next marker with a delimiter", {"marker": "", "delimiter": "/", "max-keys": "3"}, ["a", "a-b"],
           ["a/"], says={"NextMarker": ["a/"]}),
    Row(source="notes", what="a list with a parameter that is none", path="", query={"list-type": "2", "color": "red"},
        status=501, code="NotImplemented"),
    Row(source="notes", what="a list beyond a token that is none", path="",
        query={"list-type": "2", "continuation-token": "x"}, status=400, code="InvalidArgument"),
    Row(source="aws", what="a list in an unknown encoding", path="", query={"list-type": "2", "encoding-type": "x"},
        status=400, code="InvalidArgument"),
    Row(source="aws", what="a list of a number of keys that is none", path="",
        query={"list-type": "2", "max-keys": "many"}, status=400, code="InvalidArgument"),
    Row(source="errors", what="a list of no bucket", path="/no-such-bucket", query={"list-type": "2"}, status=404,
        code="NoSuchBucket"),
)  # fmt: skip
def test_list(place: Place, row: Row) -> None:
    """Each row's list gives the documented keys and prefixes."""
    run_row(place, row)


@scenario("notes", "pages of any size, with and without folders, give every key and folder once")
@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("delimiter", ["", "/", "b"])
def test_pages(place: Place, size: int, delimiter: str) -> None:
    """Pages by token give together what one list gives, for every page size."""
    for key in KEYS:
        place.put(key, X)
    query = {"list-type": "2", "delimiter": delimiter}
    whole = place.raw.send("GET", f"/{place.bucket}", query)
    seen: dict[str, list[str]] = {"Contents/Key": [], "CommonPrefixes/Prefix": []}
    token: dict[str, str] = {}
    while True:
        page = place.raw.send("GET", f"/{place.bucket}", {**query, "max-keys": str(size), **token})
        for path, texts in seen.items():
            texts.extend(page.texts(path))
        if page.texts("IsTruncated") == ["false"]:
            break
        token = {"continuation-token": page.texts("NextContinuationToken")[0]}
    assert seen == {path: whole.texts(path) for path in seen}


@scenario("notes", "v1: pages by their last key or next marker give every key and folder once")
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_v1_pages(place: Place, delimiter: str) -> None:
    """Pages by marker, of the first version of lists, give each key and prefix once."""
    for key in KEYS:
        place.put(key, X)
    seen: list[str] = []
    marker = ""
    while True:
        page = place.raw.send("GET", f"/{place.bucket}", {"marker": marker, "delimiter": delimiter, "max-keys": "2"})
        keys = page.texts("Contents/Key")
        seen += keys + page.texts("CommonPrefixes/Prefix")
        if page.texts("IsTruncated") == ["false"]:
            break
        marker = (page.texts("NextMarker") or keys[-1:])[0]
    assert sorted(seen) == (["a", "a-b", "a/", "aa", "b/", "c"] if delimiter else KEYS)


@scenario("issue", "files that were put there by hand are listed and served, in any order with the others")
def test_by_hand(place: Place, server: ServerProcess) -> None:
    """Files put into the folder by hand are listed; empty folders and links are not."""
    folder = server.root / place.bucket
    place.put("b", X)
    (folder / "c").mkdir()
    (folder / "c" / "film.mp4").write_bytes(b"by hand")
    (folder / "a.unknown").write_bytes(b"!")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    page = place.raw.send("GET", f"/{place.bucket}", {"list-type": "2"})
    assert page.texts("Contents/Key") == ["a.unknown", "b", "c/film.mp4"]
    film = place.raw.send("GET", f"/{place.bucket}/c/film.mp4")
    assert (film.body, film.headers["content-type"]) == (b"by hand", "video/mp4")
    assert film.headers["etag"] == page.texts("Contents/ETag")[2]
    unknown = place.raw.send("HEAD", f"/{place.bucket}/a.unknown")
    assert unknown.headers["content-type"] == "application/octet-stream"
    (folder / "b").write_bytes(b"changed by hand")
    changed = place.raw.send("GET", f"/{place.bucket}/b")
    assert (changed.body, changed.headers["etag"] != place.values["b.etag"]) == (b"changed by hand", True)
    assert place.raw.send("GET", f"/{place.bucket}/link").code == "NoSuchKey"
    assert place.raw.send("DELETE", f"/{place.bucket}/c/film.mp4").status == 204
    assert not (folder / "c").exists()
