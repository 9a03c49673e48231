"""Where a row happens: a bucket of its own."""

import uuid
from collections.abc import Mapping

from tests.embedded.s3.conformance.rows import Given, Row, fill
from tests.embedded.s3.raw import Answer, RawS3

UPLOAD_KEY = "big"


class Place:
    """A fresh bucket, and all that rows do with it."""

    def __init__(self, raw: RawS3) -> None:
        self.raw = raw
        self.bucket = f"row-{uuid.uuid4().hex[:16]}"
        self.values: dict[str, str] = {"bucket": self.bucket}
        assert raw.send("PUT", f"/{self.bucket}").status == 200

    def put(self, key: str, given: Given) -> None:
        """The object is there."""
        answer = self.raw.send("PUT", f"/{self.bucket}/{key}", headers=given.headers, body=given.body)
        assert answer.status == 200, answer.body
        self.values[f"{key}.etag"] = answer.headers["etag"]
        self.values[f"{key}.date"] = self.raw.send("HEAD", f"/{self.bucket}/{key}").headers["last-modified"]

    def begin(self, parts: list[bytes], headers: Mapping[str, str] | None = None) -> str:
        """An upload of `big` is open, with these parts."""
        begun = self.raw.send("POST", f"/{self.bucket}/{UPLOAD_KEY}", {"uploads": ""}, headers)
        upload_id = begun.texts("UploadId")[0]
        self.values["upload"] = upload_id
        for number, body in enumerate(parts, 1):
            query = {"partNumber": str(number), "uploadId": upload_id}
            answer = self.raw.send("PUT", f"/{self.bucket}/{UPLOAD_KEY}", query, body=body)
            assert answer.status == 200, answer.body
            self.values[f"{number}.etag"] = answer.headers["etag"]
        return upload_id

    def send(self, row: Row) -> Answer:
        """The row's request."""
        path = row.path if row.path.startswith("/") else f"/{self.bucket}/{row.path}"
        return self.raw.send(
            row.method,
            fill(path, self.values),
            {name: fill(value, self.values) for name, value in row.query.items()},
            {name: fill(value, self.values) for name, value in row.headers.items()},
            fill(row.body.decode("latin-1"), self.values).encode("latin-1") if b"{" in row.body else row.body,
        )

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None."""
        answer = self.raw.send("GET", f"/{self.bucket}/{key}")
        return answer.body if answer.status == 200 else None

    def content(self) -> dict[str, tuple[str, bytes | None]]:
        """All objects: their ETags and bytes."""
        listed = self.raw.send("GET", f"/{self.bucket}", {"list-type": "2"}).xml.findall("Contents")
        keys = {each.findtext("Key") or "": each.findtext("ETag") or "" for each in listed}
        return {key: (etag, self.get(key)) for key, etag in keys.items()}

    def uploads(self) -> list[str]:
        """The ids of uploads that are open."""
        return self.raw.send("GET", f"/{self.bucket}", {"uploads": ""}).texts("Upload/UploadId")


def run_row(place: Place, row: Row) -> None:
    """The answer is what the row says, and so is what is left."""
    for key, given in row.given.items():
        place.put(key, given)
    if row.parts is not None:
        place.begin(list(row.parts))
    if row.cors is not None:
        assert place.raw.send("PUT", f"/{place.bucket}", {"cors": ""}, body=row.cors).status == 200
    before, uploads = place.content(), place.uploads()
    answer = place.send(row)
    assert (answer.status, answer.code) == (row.status, row.code if answer.body else None), answer.body
    if row.code is not None and row.method != "HEAD":
        assert answer.code == row.code
    if row.message is not None:
        assert answer.xml.findtext("Message") == row.message
    for name, value in row.gives.items():
        assert answer.headers.get(name) == (None if value is None else fill(value, place.values)), name
    for path, texts in row.says.items():
        assert answer.texts(path) == [fill(text, place.values) for text in texts], answer.body
    if row.content is not None:
        assert answer.body == row.content
    after = place.content()
    expected = {key: value[1] for key, value in before.items()} | dict(row.leaves)
    assert {key: value[1] for key, value in after.items()} == {k: v for k, v in expected.items() if v is not None}
    if row.status >= 300 and not row.leaves:
        assert (after, place.uploads()) == (before, uploads)
