"""The exports of `repositories`, no import of which meets a circle."""

import subprocess
import sys

import pytest

import repositories
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove


def test_all_public_names_are_exported() -> None:
    """Each name of `__all__` is there, is listed by `dir`, and is what its module has."""
    for name in repositories.__all__:
        exported = getattr(repositories, name)
        assert getattr(sys.modules[exported.__module__], exported.__name__) is exported or name == "FirestoreClient"
        assert name in dir(repositories)
    assert repositories.__all__ == sorted(repositories.__all__, key=lambda name: (name[0].islower(), name))


def test_every_exception_is_exported() -> None:
    """Every exception that a repository raises can be caught by a name of the package."""
    raised = {
        cls.__name__
        for module in list(sys.modules.values())
        if module.__name__ in {"repositories.exceptions", "repositories.unit_of_work", "repositories.clips"}
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, repositories.RepositoryError)
    }
    of_subscriptions = {
        "FollowsTooMuchError",
        "InvalidVersionError",
        "SubscriberTooSlowError",
        "TooManyDocumentsError",
        "VersionTooOldError",
    }
    assert raised - of_subscriptions <= set(repositories.__all__)


def test_a_name_that_is_not_exported_is_missing() -> None:
    """Modules' own names are not the package's."""
    assert not hasattr(repositories, "utc_now")
    assert not hasattr(repositories, "UPDATABLE_FIELDS")


def test_a_module_can_be_imported_first() -> None:
    """There is no circle: in a process that has imported nothing of the house, all names come with any module."""
    program = "import repositories.models; from repositories import *; print(VideoRepository.__name__)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (done.stdout, done.stderr) == ("VideoRepository\n", "")
