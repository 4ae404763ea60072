"""Settings: the example file is the code's own, a typing mistake is named, an installation is a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from intake import config
from intake.config import EXAMPLE_TENANT, Home, ReadSettings, Rules, ScanProfile, Settings, Tenant, find_home, load, render
from intake.errors import ConfigError
from intake.resources import resource


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POSTSTELLE_")]:
        monkeypatch.delenv(name)


def home(folder: Path, text: str) -> Home:
    (folder / "poststelle.toml").write_text(text, encoding="utf-8")
    return load(folder)


# ---- the generated file ------------------------------------------------------------------------------------------------


def test_the_example_file_is_generated_from_the_code() -> None:
    made = subprocess.run([sys.executable, "-m", "intake.config"], capture_output=True, text=True, check=True, encoding="utf-8")
    assert made.stdout == resource("config", "poststelle.toml").read_text(encoding="utf-8"), \
        "Run: .venv/bin/python -m intake.config > config/poststelle.toml"


def test_the_example_file_loads_as_the_defaults(tmp_path: Path) -> None:
    settings = home(tmp_path, resource("config", "poststelle.toml").read_text(encoding="utf-8")).settings
    assert settings == Settings(tenant=(EXAMPLE_TENANT,))


def test_every_comment_that_looks_like_a_value_is_the_default_value(tmp_path: Path) -> None:
    """Taking every "#" away changes nothing: the comments say the truth."""
    lines = resource("config", "poststelle.toml").read_text(encoding="utf-8").splitlines()
    names = {name for model in models(Settings) for name in model.model_fields}
    active = [line[2:] if line.startswith("# ") and line[2:].split(" = ")[0] in names else line for line in lines]
    assert sum(a != b for a, b in zip(active, lines, strict=True)) > 30
    assert home(tmp_path, "\n".join(active)).settings == Settings(tenant=(EXAMPLE_TENANT,))


def models(root: type[BaseModel]) -> set[type[BaseModel]]:
    return {root, config.DatabaseSettings, config.BoxSettings, ReadSettings, config.EngineSettings, config.LogSettings,
            Tenant, ScanProfile, Rules}


def test_every_setting_is_described_in_a_german_sentence() -> None:
    for model in models(Settings):
        for name, field in model.model_fields.items():
            if isinstance(field.default, BaseModel) or name in {"tenant", "rules"}:
                continue
            assert field.description, f"{model.__name__}.{name}"
            assert field.description.endswith("."), f"{model.__name__}.{name}: {field.description}"


texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")


@given(name=names, title=texts, office=texts, words=st.lists(texts, max_size=4), dpi=st.integers(150, 600),
       own=st.booleans(), settle=st.floats(0, 1000), pattern=st.sampled_from([r"\d+/\d{4}", r"it's\b", "a", r"„\w“"]))
def test_render_and_load_are_inverse(tmp_path_factory: pytest.TempPathFactory, name: str, title: str, office: str,
                                     words: list[str], dpi: int, own: bool, settle: float, pattern: str) -> None:
    settings = Settings(read=ReadSettings(dpi=dpi), tenant=(Tenant(
        name=name, title=title, access_words=tuple(words), reference_patterns=(pattern,), rules=Rules(own_reference=own),
        profile=(ScanProfile(name="scanner", office=office, settle_seconds=settle), ScanProfile(name="bau", lane="backfile"))),))
    assert home(tmp_path_factory.mktemp("home"), render(settings)).settings == settings


def test_what_differs_is_active_and_the_rest_is_commented() -> None:
    text = render(Settings(read=ReadSettings(dpi=400)))
    assert "\ndpi = 400\n" in text
    assert '\n# languages = "deu"\n' in text
    assert set(tomllib.loads(text)["read"]) == {"dpi"}


# ---- mistakes are named ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "named"), [
    ("[read]\nspraches = 'deu'", "read.spraches"),
    ("[read]\ndpi = 20", "read.dpi"),
    ("[read]\nlanguages = 'deu; rm -rf /'", "read.languages"),
    ("[engin]\ncores = 1", "engin"),
    ("[[tenant]]\nname = 'Groß Schrift'", "tenant.0.name"),
    ("[[tenant]]\nname = 'a'\nreference_patterns = ['(']", "regulärer Ausdruck"),
    ("[[tenant]]\nname = 'a'\n[[tenant]]\nname = 'a'", "doppelt benannt: a"),
    ("[[tenant]]\nname = 'a'\n[[tenant.profile]]\nname = 'p'\n[[tenant]]\nname = 'b'\n[[tenant.profile]]\nname = 'p'", "doppelt"),
    ("[[tenant]]\nname = 'a'\n[[tenant.profile]]\nname = '../weg'", "tenant.0.profile.0.name"),
    ("[read", "keine gültige TOML-Datei"),
])
def test_a_wrong_entry_is_refused_and_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        home(tmp_path, text)
    assert named in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_folder_that_is_no_installation_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="poststelle init"):
        load(tmp_path)


def test_bytes_that_are_no_text_are_no_crash(tmp_path: Path) -> None:
    (tmp_path / "poststelle.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="keine gültige TOML"):
        load(tmp_path)


# ---- the environment, the folder, the tenants --------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTSTELLE_SET_READ__DPI", "450")
    settings = home(tmp_path, "[read]\ndpi = 200\nlanguages = 'frk'").settings
    assert (settings.read.dpi, settings.read.languages) == (450, "frk")


def test_an_installation_knows_its_paths(tmp_path: Path) -> None:
    installed = home(tmp_path, "[[tenant]]\nname = 'amt'\n[[tenant.profile]]\nname = 'scanner'\n"
                               "[[tenant.profile]]\nname = 'bau'\nfolder = '/freigabe/bau'")
    scanner, bau = installed.settings.tenant[0].profile
    root = tmp_path.resolve()
    assert installed.database_url == f"sqlite:///{root}/poststelle.db"
    assert installed.engine_url == f"sqlite:///{root}/engine.db"
    assert installed.blobs("amt") == root / "store" / "amt" / "blobs"
    assert installed.models("amt") == root / "store" / "amt" / "models"
    assert installed.akten("amt") == root / "akten" / "amt"
    assert installed.folder(scanner) == root / "eingang" / "scanner"
    assert installed.folder(bau) == Path("/freigabe/bau")


def test_a_configured_database_is_used(tmp_path: Path) -> None:
    installed = home(tmp_path, "[database]\nurl = 'postgresql+psycopg://p@db/p'\nengine_url = 'postgresql+psycopg://p@db/e'")
    assert installed.database_url.endswith("/p")
    assert installed.engine_url.endswith("/e")


def test_an_unknown_tenant_is_refused_with_those_there_are(tmp_path: Path) -> None:
    settings = home(tmp_path, "[[tenant]]\nname = 'nord'\n[[tenant]]\nname = 'sued'").settings
    assert settings.for_tenant("sued").name == "sued"
    with pytest.raises(ConfigError, match="nord, sued"):
        settings.for_tenant("west")


def test_which_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--home"):
        find_home(None)
    (tmp_path / "poststelle.toml").touch()
    assert find_home(None) == Path()
    monkeypatch.setenv("POSTSTELLE_HOME", "/b")
    assert find_home(None) == Path("/b")
    assert find_home("/a") == Path("/a")
