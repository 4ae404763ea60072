#!/usr/bin/env python3
# ruff: noqa: T201, PTH123, SIM115, PLW2901
"""Prüft ein ausgeführtes Protokoll der Poststelle, ohne die Poststelle: nur mit Python, ab Fassung 3.9.

    python3 pruefe_protokoll.py protokoll.jsonl [stand.txt ...]

protokoll.jsonl  aus „poststelle journal export“: je Zeile ein Eintrag
stand.txt        was außerhalb veröffentlicht wurde (Datei [journal] heads, tägliche E-Mails); erst damit ist zu sehen, ob
                 jemand die ganze Kette neu geschrieben oder ihr Ende abgeschnitten hat

So ist das Protokoll gebaut. Jeder Mandant hat eine Kette von Einträgen mit den Nummern 1, 2, 3 ... Ein Eintrag ist ein
JSON-Text in UTF-8 mit tenant, seq (Nummer), at (Zeit, UTC), actor (wer), action (was), subjects (woran), old und new
(Prüfsummen des alten und neuen Standes), v (Fassung) und prev: dem SHA-256 des Textes davor, beim ersten 64 Nullen. Der alte
und der neue Stand selbst stehen neben der Kette und dürfen gelöscht sein; liegen sie bei, so ist SHA-256(salt + Text) die
Prüfsumme im Eintrag. Eine veröffentlichte Zeile nennt Zeit, Mandant, Nummer und SHA-256 eines Eintrags; das Wort
„wiederhergestellt“ dahinter sagt, dass ab dieser Nummer Veröffentlichtes durch eine Wiederherstellung verloren ging.

Ausgang: 0 = alles stimmt, 2 = etwas stimmt nicht (jeder Fehler steht da), 1 = die Dateien sind nicht zu lesen.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import Any

STAND = re.compile(r"(\S+Z) ([a-z0-9][a-z0-9_-]*) (\d+) ([0-9a-f]{64})( wiederhergestellt)?")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


Gezeigt = dict[str, dict[int, set[str]]]
Zurueck = dict[str, list[tuple[str, int, int]]]


def lies_staende(pfade: list[str], fehler: list[str]) -> tuple[Gezeigt, Zurueck]:
    """Je Mandant: Nummer -> veröffentlichte Prüfsummen; und die Wiederherstellungen als (Zeit, Nummer, verloren bis)."""
    gezeigt: Gezeigt = {}
    zurueck: Zurueck = {}
    for pfad in pfade:
        for nummer, zeile in enumerate(open(pfad, encoding="utf-8"), start=1):
            zeile = zeile.strip()
            if not zeile or zeile.startswith("#"):
                continue
            stand = STAND.fullmatch(zeile)
            if not stand:
                fehler.append(f"{pfad}, Zeile {nummer}: kein Stand eines Protokolls")
                continue
            zeit, mandant, seq, summe, neu = stand[1], stand[2], int(stand[3]), stand[4], stand[5]
            bisher = gezeigt.setdefault(mandant, {})
            if neu:
                zurueck.setdefault(mandant, []).append((zeit, seq, max(bisher, default=0)))
                gezeigt[mandant] = bisher = {alt: summen for alt, summen in bisher.items() if alt < seq}
            bisher.setdefault(seq, set()).add(summe)
    return gezeigt, zurueck


def pruefe_eintrag(zeile: dict[str, Any], kette: dict[str, Any], gezeigt: Gezeigt, fehler: list[str]) -> None:
    """Ein Eintrag gegen den davor, gegen seine Angaben und gegen das Veröffentlichte; `kette` ist der Stand danach."""
    mandant, text, summe = zeile["tenant"], zeile["entry"], sha256(zeile["entry"])
    nummer, wo = kette["seq"] + 1, f"{mandant}, Eintrag {kette['seq'] + 1}"
    try:
        sagt = json.loads(text)
        lage = (sagt["tenant"], sagt["seq"], sagt["prev"])
    except (ValueError, TypeError, KeyError):
        sagt, lage = {}, None
    if zeile["seq"] != nummer:
        fehler.append(f"{wo}: fehlt; es folgt Eintrag {zeile['seq']}")
    if zeile["hash"] != summe:
        fehler.append(f"{wo}: wurde verändert (Text und Prüfsumme passen nicht zusammen)")
    if lage != (mandant, nummer, kette["hash"]):
        fehler.append(f"{wo}: gehört nicht an diese Stelle (Mandant, Nummer oder vorige Prüfsumme passt nicht)")
    for name in ("old", "new"):
        if zeile.get("salt") is not None:
            stand = None if zeile.get(name) is None else sha256(zeile["salt"] + zeile[name])
            if stand != sagt.get(name):
                fehler.append(f"{wo}: die Angaben „{name}“ sind nicht die, von denen der Eintrag spricht")
    if gezeigt.get(mandant, {}).get(nummer, {summe}) != {summe}:
        fehler.append(f"{wo}: veröffentlicht wurde ein anderer")
    if sagt.get("action") == "journal.restored":
        kette["zurueck"].add(nummer)
    kette.update(seq=zeile["seq"] if isinstance(zeile["seq"], int) else nummer, hash=summe, bis=sagt.get("at", "?"))


def pruefe(protokoll: str, staende: list[str]) -> int:
    """Der ganze Lauf; der Ausgang des Programms."""
    fehler: list[str] = []
    ketten: dict[str, dict[str, Any]] = {}
    gezeigt, zurueck = lies_staende(staende, fehler)
    for nummer, zeile in enumerate(open(protokoll, encoding="utf-8"), start=1):
        try:
            eintrag = json.loads(zeile)
            kette = ketten.setdefault(eintrag["tenant"], {"seq": 0, "hash": "0" * 64, "zurueck": set(), "bis": "?"})
            pruefe_eintrag(eintrag, kette, gezeigt, fehler)
        except (ValueError, TypeError, KeyError, AttributeError):
            fehler.append(f"{protokoll}, Zeile {nummer}: kein Eintrag eines Protokolls")
    for mandant in sorted(set(ketten) | set(gezeigt)):
        kette = ketten.get(mandant, {"seq": 0, "zurueck": set(), "bis": "?"})
        neuester = max(gezeigt.get(mandant, {}), default=0)
        if neuester > kette["seq"]:
            fehler.append(f"{mandant}, Eintrag {neuester}: wurde veröffentlicht und fehlt; das Ende ist abgeschnitten")
        print(f"{mandant}: {kette['seq']} Einträge, der letzte vom {kette['bis']}")
        offen = max(0, kette["seq"] - neuester)
        print(f"  durch Veröffentlichtes belegt bis Eintrag {neuester}, {offen} danach sind es noch nicht")
        for zeit, seq, bis in zurueck.get(mandant, []):
            print(f"  am {zeit[:10]} aus einer Sicherung wiederhergestellt (Eintrag {seq}); Einträge {seq} bis {bis} verloren"
                  if bis >= seq else f"  am {zeit[:10]} aus einer Sicherung wiederhergestellt, ohne Verlust")
            if seq not in kette["zurueck"]:
                fehler.append(f"{mandant}, Eintrag {seq}: soll eine Wiederherstellung sein und ist keine")
    for satz in fehler:
        print(f"FEHLER {satz}")
    print(f"{len(fehler)} Fehler." if fehler else "Das Protokoll ist ganz und unverändert.")
    return 2 if fehler else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        sys.exit(pruefe(sys.argv[1], sys.argv[2:]))
    except OSError as grund:
        print(f"Nicht zu lesen: {grund}", file=sys.stderr)
        sys.exit(1)
