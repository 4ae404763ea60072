"""Bad files among good ones: each a Klärungsfall with a German sentence, the rest goes on, nothing is lost."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pikepdf
import pytest
from faults.killing import POSTSTELLE, end_state, new_home, verified

from intake.blobs import Blobs
from intake.db.core import Database
from intake.db.problems import open_problems
from samples.letters import born_digital

# root may read everything; without these two capabilities it obeys the permission bits like anybody else
AS_ANYBODY = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def work(home: Path) -> int:
    return subprocess.run([*AS_ANYBODY, *POSTSTELLE, "work", "--until-idle", "--home", str(home)], capture_output=True,
                          check=False).returncode


def problems(home: Path) -> dict[str, str]:
    db = Database(f"sqlite:///{home / 'poststelle.db'}")
    with db.read() as conn:
        found = {problem.reason: problem.title for problem in open_problems(conn, "mittelau")}
    db.close()
    return found


@pytest.mark.timeout(300)
def test_bad_files_become_cases_and_the_rest_goes_on(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    folder = home / "eingang" / "scanner"
    born_digital(folder / "gut.pdf", 1)
    (folder / "leer.pdf").write_bytes(b"")
    with pikepdf.open(folder / "gut.pdf") as pdf:
        pdf.save(folder / "geheim.pdf", encryption=pikepdf.Encryption(owner="o", user="u"))
    (folder / "text.pdf").write_text("Das ist nur Text, kein PDF.\n" * 5, encoding="utf-8")
    born_digital(folder / "zu.pdf", 2)
    (folder / "zu.pdf").chmod(0)

    assert work(home) == 0
    said = problems(home)
    assert {"empty", "encrypted", "unreadable"} <= set(said)
    assert "Scannen oder senden Sie" in said["empty"] and "Kennwort" in said["encrypted"]
    assert "zu.pdf" in said["unreadable"] and "Leserechte" in said["unreadable"]
    assert (folder / "zu.pdf").exists(), "what cannot be read stays where it is"
    states = {name: state for name, _, state in end_state(home)["deliveries"]}  # type: ignore[misc, attr-defined]
    assert states["gut.pdf"] == "OPENED" and states["leer.pdf"] == states["geheim.pdf"] == "CLARIFY"
    # a text file under the name of a PDF: no reader of another format may take it for what it says it is
    assert states["text.pdf"] == "CLARIFY" and "wrong_type" in said
    originals = {name: original for name, original, _ in end_state(home)["deliveries"]}  # type: ignore[misc, attr-defined]
    assert Blobs(home / "store" / "mittelau" / "blobs").read(originals["text.pdf"]).startswith(b"Das ist nur Text")

    (folder / "zu.pdf").chmod(0o644)
    assert work(home) == 0
    assert "unreadable" not in problems(home)
    states = {name: state for name, _, state in end_state(home)["deliveries"]}  # type: ignore[misc, attr-defined]
    assert states["zu.pdf"] == "OPENED"
    assert verified(home)["ok"]
