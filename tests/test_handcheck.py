"""`check` says what is missing before the first document is handed over, with the line that mends it."""

from __future__ import annotations

from pathlib import Path

from intake.config import HandOver, Home, ScanProfile, Settings, Tenant
from intake.handcheck import findings

READY = {"operator": "kms", "scanner": "Kodak"}


def home(root: Path, *targets: HandOver, procedure: str = "V 1.0", **profile: str) -> Home:
    scanner = ScanProfile(name="scanner", **{**READY, **profile})  # type: ignore[arg-type]
    return Home(root, Settings(tenant=(Tenant(name="mittelau", scan_procedure=procedure, handover=targets, profile=(scanner,)),)))


def test_a_target_that_is_ready(tmp_path: Path) -> None:
    (tmp_path / "heiss").mkdir()
    (found,) = findings(home(tmp_path, HandOver(name="dms", folder=str(tmp_path / "heiss"))))
    assert found == ("ok", "Übergabe", f"dms: {tmp_path / 'heiss'}, 10 Minuten nach der Ablage")


def test_what_is_missing(tmp_path: Path) -> None:
    away = HandOver(name="dms", folder=str(tmp_path / "weg"))
    locked = HandOver(name="vis", kind="xdomea", url="https://vis.example/ablage", user="post")
    said = [sentence for level, _, sentence in findings(home(tmp_path, away, locked)) if level == "wrong"]
    assert said == [f"dms: Den Ordner {tmp_path / 'weg'} gibt es nicht. Geben Sie ein: mkdir -p {tmp_path / 'weg'}",
                    f"vis: Das Kennwort fehlt. Schreiben Sie es in {tmp_path / 'secrets' / 'vis'} (chmod 600)."]


def test_mandatory_fields_of_transfervermerke(tmp_path: Path) -> None:
    assert list(findings(home(tmp_path))) == []
    ((level, topic, sentence),) = findings(home(tmp_path, operator="", procedure=""))
    assert (level, topic) == ("hint", "Transfervermerk") and "operator, scan_procedure (beim Mandanten)" in sentence
    assert list(findings(home(tmp_path, operator="", transfer_note="off"))) == []
