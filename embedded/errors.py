"""Why the embedded servers cannot run, in one line that says what to do, and texts as a terminal may show them."""

from pathlib import Path


class EmbeddedError(Exception):
    """The embedded servers cannot run; the text is one line that says what to do about it."""


class DataDirectoryInUseError(EmbeddedError):
    """Another process serves this data directory."""

    def __init__(self, data_dir: Path, holder_pid: int | None) -> None:
        holder = f"process {holder_pid}" if holder_pid else "it is just starting"
        super().__init__(
            f"The data directory {data_dir} is in use by another clipgraph ({holder}): "
            "stop that one, or choose another directory with --data-dir or CLIPGRAPH_DATA_DIR."
        )
        self.data_dir = data_dir
        self.holder_pid = holder_pid


def escape(text: str) -> str:
    """The text with what a terminal would obey escaped, but for line breaks: names in it are clients'."""
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )
