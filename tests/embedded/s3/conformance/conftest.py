"""A fresh place for each row."""

import pytest

from tests.embedded.s3.conformance.place import Place
from tests.embedded.s3.raw import RawS3


@pytest.fixture
def place(raw: RawS3) -> Place:
    """A bucket of the row's own."""
    return Place(raw)
