"""The README is true: its commands run, its paths exist, its map agrees with the import contracts."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import intake.config
import intake.protocols
import intake.vocabulary
from intake.cli import run
from intake.cli.installation import create
from intake.resources import KINDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Every command line of the sh blocks, without its comment."""
    return [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()]


def inline() -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))


def poststelle_commands() -> list[list[str]]:
    found = [shlex.split(command) for command in [*commands(), *inline()]]
    return [words[1:] for words in found if words[0] in {".venv/bin/poststelle", "poststelle"} and len(words) > 1]


def test_there_is_something_to_check() -> None:
    assert len(commands()) >= 12
    assert len(poststelle_commands()) >= 14


@pytest.mark.parametrize("words", poststelle_commands(), ids=" ".join)
def test_every_command_and_option_exists(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rest = words[2:] if words[0] == "--home" else words
    groups = {"aktenplan", "clarify", "efile", "handover", "journal", "model", "registers", "review", "separators", "token",
              "user", "service", "batch"}
    path = rest[:2] if rest[0] in groups else rest[:1]
    assert run([*path, "--help"]) == 0
    known = capsys.readouterr().out
    for option in (word for word in rest if word.startswith("--")):
        assert re.search(rf"(^|\s){option}\b", known), f"{option} of {' '.join(path)}"


PLACEHOLDERS = {"NUMMER", "ORDNER", "DATEI", "work", "/srv/poststelle"}


def test_the_commands_that_only_look_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    create(Path("demo"), "mittelau")
    ran = [words for words in poststelle_commands() if words[0] == "--home" and not PLACEHOLDERS & set(words)]
    for words in ran:
        assert run(words) == 0, capsys.readouterr().err
    assert len(ran) >= 6
    assert "Laterne" in README
    assert "652.30" in capsys.readouterr().out


def test_the_akte_of_the_tour_is_in_the_default_registers() -> None:
    (named,) = set(re.findall(r"--file (\S+)", README))
    assert named in (ROOT / "config" / "registers" / "files.csv").read_text(encoding="utf-8")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z][a-z-]*)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert re.search(r"^\s*make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


MADE_LATER = {"demo/", ".venv/", "demo/akten/", "akten/", "intake/_data/", ".venv/bin/poststelle"}


def test_paths_exist() -> None:
    named = {text for text in inline() if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", text) and (
        "/" in text or text.endswith((".py", ".md", ".lock"))) and text not in MADE_LATER}
    named |= set(re.findall(r"\]\(([^)#]+)\)", README))
    assert len(named) > 30
    assert not [text for text in sorted(named) if not (ROOT / text).exists()]


def test_every_room_is_on_the_map() -> None:
    (table,) = re.findall(r"\| Room \|.*?\n\n", README, re.DOTALL)
    shown = set(re.findall(r"`((?:intake|classifiers|models|config|samples|tests)[\w./]*)`", table))
    small = {"__init__", "keys", "names", "tables", "aktenplan", "registers", "log", "resources", "wheel", "_data"}
    for path in (ROOT / "intake").iterdir():
        if path.name != "__pycache__" and path.stem not in small and (path.suffix == ".py" or any(path.glob("*.py"))):
            assert path.relative_to(ROOT).as_posix() + ("/" if path.is_dir() else "") in shown, path.name


def test_the_layers_are_those_of_the_contract() -> None:
    (block,) = blocks("layers")
    assert block.split("\n")[:-1] == PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]


def test_the_words_are_those_of_the_code() -> None:
    (table,) = re.findall(r"\| German \|.*?\n\n", README, re.DOTALL)
    names = [name for row in table.splitlines()[2:] if row for name in re.findall(r"`([\w.]+)`", row.split("|")[2])]
    assert len(names) > 15
    for name in names:
        first, _, member = name.partition(".")
        owner = getattr(intake.vocabulary, first, None) or getattr(intake.protocols, first, None) or getattr(intake.config, first)
        assert not member or hasattr(owner, member)


def test_protocols_that_may_be_added_exist() -> None:
    for name in re.findall(r"Protocol `(\w+)`", README):
        assert getattr(intake.protocols, name)._is_protocol


def test_decisions_are_dated_and_in_order() -> None:
    section = README.split("## Decisions\n")[1].split("\n## ")[0]
    dates = re.findall(r"^- (\d{4}-\d{2}-\d{2}): ", section, re.MULTILINE)
    assert len(dates) == section.count("\n- ")
    assert dates == sorted(dates)


def test_the_licence_is_the_one_that_is_named() -> None:
    assert PROJECT["project"]["license"] == "EUPL-1.2"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert "15.Applicable Law" in text
    assert "EUPL-1.2" in README


def test_the_lock_has_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^(-|--)(index|extra|find|trusted)", lock, re.MULTILINE)
    pinned = re.findall(r"^([a-z0-9][a-z0-9.-]*)==", lock, re.MULTILINE)
    for wanted in [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]:
        name = re.split(r"[<>=;\[ ]", wanted)[0].lower()
        assert name in pinned, f"{name}: run make lock"
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9.-]*==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_set_up_knows_every_package_of_the_readme() -> None:
    setup = (ROOT / ".ci" / "setup").read_text(encoding="utf-8")
    for package in ("python3-venv", "tesseract-ocr", "bubblewrap", "postgresql", "qpdf", "poppler-utils", "ghostscript",
                    "fonts-dejavu-core", "fonts-liberation", "strace"):
        assert package in setup
    assert KINDS == ("config", "models", "samples")


def test_the_changelog_speaks_of_what_comes() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
