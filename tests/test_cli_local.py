"""local runs everything with one command and stops whole; service install writes units that systemd accepts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from intake.cli import run
from intake.cli.local import BACKUP_UNITS, UNITS, unit
from intake.config import load
from intake.errors import ConfigError, Refused

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    assert run(["init", str(root)]) == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = root / "poststelle.toml"
    text = path.read_text()
    path.write_text(text.replace("# port = 8632", f"port = {port}"))
    assert load(root).settings.web.port == port
    return root


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "intake.cli", "--home", home, "local"], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def wait_for(url: str) -> httpx.Response:
    for _ in range(400):
        try:
            return httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_everything_starts_with_one_command_and_ends_with_it(home: Path, how: signal.Signals) -> None:
    """The first start prints a link under which the first person chooses a password. Nothing stays behind, not after kill -9."""
    base = load(home).settings.web.base
    process = start(home)
    parts: list[psutil.Process] = []
    try:
        answer = wait_for(f"{base}/anmelden")
        assert answer.status_code == 200 and "Kennwort" in answer.text
        parts = psutil.Process(process.pid).children()
        assert len(parts) == 2 and {os.getpgid(part.pid) for part in parts} == {os.getpgid(process.pid)}
        process.send_signal(how)
        said = process.communicate(timeout=60)[0]
        link = next(line for line in said.splitlines() if "/einrichten/" in line)
        assert link.startswith(f"{base}/einrichten/") and process.returncode == (0 if how == signal.SIGTERM else -9), said
    finally:
        process.kill()
        _gone, alive = psutil.wait_procs(parts, timeout=20)
        for part in alive:
            part.kill()
    assert alive == []


def test_service_install_writes_units_that_systemd_accepts(
        home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "system"
    into.mkdir()
    assert run(["--home", str(home), "service", "install", "--into", str(into), "--memory", "6G"]) == 0
    said = capsys.readouterr()
    assert "systemd-analyze" not in said.err and "systemctl" in said.out
    for name in UNITS:
        text = (into / name).read_text()
        assert "@" not in text.replace("@system-service", "").split("# Written", 1)[1].split("\n", 1)[1]
        assert "Restart=always" in text and "MemoryMax=" in text and "User=poststelle" in text and str(home.resolve()) in text
    assert "MemoryMax=6G" in (into / UNITS[0]).read_text()
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: the units were not verified")
    written = [into / name for name in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *written], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_named_folder_of_backups_is_filled_every_night(
        home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into, toml = tmp_path / "system", home / "poststelle.toml"
    into.mkdir()
    said = toml.read_text().replace('# heads = ""', 'heads = "/mnt/beleg/stand.txt"')
    toml.write_text(said.replace('# folder = ""\n# So viele', 'folder = "/mnt/sicherung"\n# So viele'))
    assert run(["--home", str(home), "service", "install", "--into", str(into)]) == 0
    assert "poststelle-serve.service poststelle-backup.timer" in capsys.readouterr().out
    writable = {name: next(line for line in (into / name).read_text().splitlines() if line.startswith("ReadWritePaths="))
                for name in (*UNITS, BACKUP_UNITS[0])}
    assert writable[UNITS[0]].endswith(" -/mnt/beleg") and writable[BACKUP_UNITS[0]].endswith(" -/mnt/beleg -/mnt/sicherung")
    assert "OnCalendar=" in (into / BACKUP_UNITS[1]).read_text() and " backup\n" in (into / BACKUP_UNITS[0]).read_text()
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", *(into / name for name in BACKUP_UNITS)], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0 and done.stderr == "", done.stderr


def test_what_cannot_be_a_service_is_refused(home: Path, tmp_path: Path) -> None:
    place = load(home)
    with pytest.raises(Refused, match="Leerzeichen"):
        unit(UNITS[0], type(place)(Path("/srv/die post"), place.settings), "poststelle", "8G")
    with pytest.raises(ConfigError, match="kann nicht geschrieben werden"):
        from intake.cli.local import install
        install(home=home, user="poststelle", into=tmp_path / "missing", memory="8G")


def test_a_part_that_fails_takes_the_other_with_it(home: Path) -> None:
    """The port is taken: serve ends, and so does all of it, with an exit code a service manager sees."""
    with socket.create_server(("127.0.0.1", load(home).settings.web.port)):
        process = start(home)
        process.communicate(timeout=90)
        assert process.returncode != 0
