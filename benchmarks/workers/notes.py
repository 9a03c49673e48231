"""The notes of workers, in files that outlive them: calls that were answered, and clips acknowledged."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS_FILENAME = "calls.txt"
CLIPS_FILENAME = "clips.txt"


@dataclass(frozen=True)
class Call:
    """A call that was answered in the end."""

    name: str
    tries: int
    seconds: float
    """From the first try to the answer, the pauses between included."""

    document_writes: int
    """What the answer said that it cost."""


class Notes:
    """The two files; all processes write to the same. A line is one write: a killed process leaves no half of one."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._calls = os.open(folder / CALLS_FILENAME, flags)
        self._clips = os.open(folder / CLIPS_FILENAME, flags)

    def add_call(self, call: Call) -> None:
        """The call is noted."""
        line = f"{call.name} {call.tries} {call.seconds:.6f} {call.document_writes}\n"
        os.write(self._calls, line.encode())

    def add_clip(self, video_id: str, clip_id: str) -> None:
        """It is noted that the server has said that the clip is completed."""
        os.write(self._clips, f"{video_id} {clip_id}\n".encode())


def read_calls(folder: Path) -> Iterator[Call]:
    """The calls that were noted."""
    for line in (folder / CALLS_FILENAME).read_text(encoding="utf-8").splitlines():
        name, tries, seconds, document_writes = line.split()
        yield Call(name, int(tries), float(seconds), int(document_writes))


class ClipsReader:
    """Follows the file of the clips."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CLIPS_FILENAME
        self._offset = 0
        self.seen: set[tuple[str, str]] = set()
        """Video and clip."""

    def read_on(self) -> int:
        """How many clips were acknowledged so far."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(lines) + len(newline)
        for line in lines.decode().splitlines():
            video_id, _, clip_id = line.partition(" ")
            self.seen.add((video_id, clip_id))
        return len(self.seen)
