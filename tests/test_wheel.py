"""The wheel, installed into an empty environment outside the checkout, files a sample."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from intake.cli.installation import samples

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def python(command: list[str | Path], cwd: Path, timeout: int = 300) -> str:
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, encoding="utf-8", check=False,
                          timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy of what is under version control or would be."""
    source = tmp_path_factory.mktemp("source") / "poststelle"
    source.mkdir()
    for name in ("intake", "classifiers", "config", "models", "samples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("dist")
    python([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source], source)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder bin/ of an environment with the wheel; the dependencies are borrowed, this checkout is not."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place, with_pip=False)
    run = place / "bin" / "python"
    packages = Path(python([run, "-c", "import site; print(site.getsitepackages()[0])"], place).strip())
    # a path in a .pth file is searched last, and .pth files inside it (our editable install) are not read
    (packages / "borrowed.pth").write_text(f"{site.getsitepackages()[0]}\n", encoding="utf-8")
    python([sys.executable, "-m", "pip", "--python", run, "install", "--quiet", "--no-deps", "--no-index", wheel], place)
    return place / "bin"


def test_it_carries_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for name in ("intake/_data/config/poststelle.toml", "intake/_data/config/aktenplan.csv",
                 "intake/_data/config/registers/files.csv", "intake/_data/models/README.md", "intake/migrations/script.py.mako",
                 "intake/migrations/env.py", "intake/box/inside/__main__.py", "classifiers/__init__.py"):
        assert name in names
    assert any(name.startswith("intake/migrations/versions/") for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert any(name.startswith("intake/_data/samples/") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "config/", "samples/"))]


def test_it_says_who_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    assert "Name: poststelle\n" in text
    assert "License-Expression: EUPL-1.2\n" in text
    assert "Requires-Python: >=3.11\n" in text


def test_it_does_not_use_the_checkout(installed: Path) -> None:
    where = python([installed / "python", "-c", "import intake.resources as r; print(r.__file__); print(r.resource('config'))"],
                   installed.parent).split()
    assert not any(str(ROOT) in line for line in where)
    assert where[1].endswith("intake/_data/config")


def test_it_files_a_sample(installed: Path, tmp_path: Path) -> None:
    poststelle, home = installed / "poststelle", tmp_path / "home"
    python([poststelle, "init", home], tmp_path)
    toml = (home / "poststelle.toml").read_text(encoding="utf-8")
    (home / "poststelle.toml").write_text(toml.replace("# settle_seconds = 10.0", "settle_seconds = 0.2"), encoding="utf-8")
    smallest = min(samples(), key=lambda path: path.stat().st_size)
    shutil.copy(smallest, home / "eingang" / "scanner" / smallest.name)
    python([poststelle, "--home", home, "work", "--until-idle"], tmp_path)
    before = json.loads(python([poststelle, "--home", home, "status", "--json"], tmp_path))
    assert before["outcome"]["processed"] == 1, before
    filed = before["documents"].get("FILED", 0)
    listed = python([poststelle, "--home", home, "review", "ls"], tmp_path)
    for line in listed.splitlines():
        number = line.strip("│ ").split(" ")[0]
        if len(number) == 8 and number.isalnum() and number.isupper():
            python([poststelle, "--home", home, "review", "approve", number, "--entry", "652.30", "--by", "kms"], tmp_path)
            filed += 1
    python([poststelle, "--home", home, "work", "--until-idle"], tmp_path)
    after = json.loads(python([poststelle, "--home", home, "status", "--json"], tmp_path))
    assert filed >= 1
    assert after["documents"]["FILED"] == filed
    assert list((home / "akten" / "mittelau").rglob("*.pdf"))
    python([poststelle, "--home", home, "verify"], tmp_path)
