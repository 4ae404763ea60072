"""`make demo`, as a person sees it: every sample ends somewhere, every page is counted, the next command is named."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from intake.cli.installation import samples

MACHINE_STATES = {"RECEIVED", "NEW", "APPROVED"}


def poststelle(*arguments: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTSTELLE_")}
    done = subprocess.run([sys.executable, "-m", "intake.cli", *map(str, arguments)], cwd=cwd, env=environment, check=False,
                          capture_output=True, text=True, encoding="utf-8", timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the demo ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, poststelle("demo", "demo", cwd=folder)


def test_there_are_samples() -> None:
    assert len(samples()) >= 5


def test_progress_is_visible_and_the_table_names_every_sample(shown: tuple[Path, str]) -> None:
    _, text = shown
    assert re.search(r"Sendungen \d+/\d+", text)
    flat = re.sub(r"[│\s]", "", text)
    for sample in samples():
        assert re.sub(r"\s", "", sample.name)[:20] in flat
    assert "wartet auf Prüfung" in text
    assert "abgelegt in" in text


def test_nothing_is_left_that_a_machine_can_do(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    numbers = json.loads(poststelle("--home", "demo", "status", "--json", cwd=folder))
    assert sum(numbers["deliveries"].values()) == len(samples())
    assert not MACHINE_STATES & {*numbers["deliveries"], *numbers["documents"]}
    assert numbers["outcome"]["in_flight"] == 0
    assert not [path for path in (folder / "demo" / "eingang" / "scanner").iterdir() if path.is_file()]


def test_every_page_is_counted_and_all_is_whole(shown: tuple[Path, str]) -> None:
    folder, text = shown
    numbers = json.loads(poststelle("--home", "demo", "status", "--json", cwd=folder))
    (total,) = re.findall(r"^(\d+) Seiten: ", text, re.MULTILINE)
    assert int(total) == sum(numbers["pages"].values()) > len(samples())
    assert "alles ist ganz" in text
    assert json.loads(poststelle("--home", "demo", "verify", "--json", cwd=folder))["ok"] is True


def test_what_is_filed_lies_in_a_readable_folder(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    numbers = json.loads(poststelle("--home", "demo", "status", "--json", cwd=folder))
    indexes = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "demo" / "akten").rglob("akte.json")]
    assert sum(len(index["schriftstuecke"]) for index in indexes) == numbers["documents"]["FILED"] >= 1


def test_the_next_command_runs(shown: tuple[Path, str]) -> None:
    folder, text = shown
    words = shlex.split(text.strip().splitlines()[-1])
    assert Path(words[0]).name == "poststelle"
    assert "Nummer" in poststelle(*words[1:], cwd=folder)


def test_again_begins_anew(shown: tuple[Path, str]) -> None:
    """The folder of the demo is its own to empty; another run sees no twins."""
    folder, _ = shown
    assert (folder / "demo" / ".demo").is_file()
    assert "Dublette" not in shown[1]
