"""Is the hand-over to other systems ready? German findings for `poststelle check`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from intake.config import HandOver, Home, ScanProfile, Tenant

Level = Literal["ok", "hint", "wrong"]


def findings(home: Home) -> Iterator[tuple[Level, str, str]]:
    """(level, topic, sentence) for every target, and for scan profiles whose Transfervermerke would lack mandatory fields."""
    for tenant in home.settings.tenant:
        for said in tenant.handover:
            faults = list(_faults(home, said))
            yield from (("wrong", "Übergabe", f"{said.name}: {fault}") for fault in faults)
            if not faults:
                yield "ok", "Übergabe", f"{said.name}: {said.folder or said.url}, {said.delay_minutes:g} Minuten nach der Ablage"
        yield from _notes(tenant)


def _faults(home: Home, said: HandOver) -> Iterator[str]:
    for path in {said.folder, said.answers_folder} - {""}:
        if not Path(path).is_dir():
            yield f"Den Ordner {path} gibt es nicht. Geben Sie ein: mkdir -p {path}"
        elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            yield f"In {path} darf nicht geschrieben werden. Geben Sie ein: sudo chown -R $(id -un) {path}"
    if said.user and not home.handover_secret_file(said).is_file():
        yield f"Das Kennwort fehlt. Schreiben Sie es in {home.handover_secret_file(said)} (chmod 600)."


def _notes(tenant: Tenant) -> Iterator[tuple[Level, str, str]]:
    for profile in tenant.profile:
        if not isinstance(profile, ScanProfile) or profile.transfer_note == "off":
            continue
        lacking = [name for name, value in (("operator", profile.operator), ("scanner", profile.scanner),
                                            ("scan_procedure (beim Mandanten)", tenant.scan_procedure)) if not value]
        if lacking:
            yield "hint", "Transfervermerk", (
                f"Scanprofil {profile.name}: Pflichtangaben fehlen ({', '.join(lacking)}). Ergänzen Sie sie in poststelle.toml, "
                "sonst sind die Transfervermerke unvollständig.")
