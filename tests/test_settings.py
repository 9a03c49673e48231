import re
from pathlib import Path

import pytest

from settings import HalfSetError, Settings

ROOT = Path(__file__).parent.parent


def variable_of(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias) if alias else f"CLIPGRAPH_{name.upper()}"


def show_default(default: object) -> str:
    shown = ",".join(default) if isinstance(default, tuple) else default
    return "" if shown in (None, "") else f"`{shown}`"


def test_every_setting_is_documented_with_its_default() -> None:
    """The table in docs/operating.md says what settings.py says, row by row."""
    rows = dict(
        re.findall(r"^\| `([A-Z_0-9]+)` \| (.*) \|$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)
    )
    expected = {
        variable_of(name): f"{show_default(field.default)} | {field.description}".strip()
        for name, field in Settings.model_fields.items()
    }
    assert {name: row.strip() for name, row in rows.items()} == expected


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"r2_bucket": "b"}, ["GOOGLE_CLOUD_PROJECT", "ENDPOINT", "KEY_ID", "SECRET"]),
        ({"google_cloud_project": "p", "r2_bucket": "b", "r2_account_id": "a"}, ["KEY_ID", "SECRET"]),
        (
            {"r2_endpoint_url": "http://r2", "r2_bucket": "b", "r2_access_key_id": "i", "r2_secret_access_key": "s"},
            ["GOOGLE_CLOUD_PROJECT"],
        ),
        ({"firestore_emulator_host": "h:1"}, ["ENDPOINT", "BUCKET", "KEY_ID", "SECRET"]),
    ],
    ids=str,
)
def test_half_set_configuration_names_what_is_missing(given: dict[str, str], missing: list[str]) -> None:
    """A half-set configuration is refused with the names of exactly the missing settings."""
    with pytest.raises(HalfSetError) as refusal:
        Settings.model_validate(given).assert_complete()
    names = refusal.value.names
    assert len(names) == len(missing)
    assert all(part in name for part, name in zip(missing, names, strict=True))


def test_nothing_set_is_complete() -> None:
    """Embedded: whoever starts the servers fills in the rest."""
    Settings().assert_complete()


def test_account_gives_the_endpoint() -> None:
    """An R2 account id gives R2's endpoint."""
    settings = Settings.model_validate({"r2_account_id": "abc"})
    assert settings.resolved_r2_endpoint_url == "https://abc.r2.cloudflarestorage.com"


def test_empty_variable_is_as_if_it_were_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files and CI pass on variables that nobody has set as empty ones."""
    for name in ("FIRESTORE_EMULATOR_HOST", "CLIPGRAPH_TRUSTED_DOCUMENTS", "CLIPGRAPH_INTROSPECTION"):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.is_embedded
    assert settings.trusted_documents is None
    assert settings.introspection is None
