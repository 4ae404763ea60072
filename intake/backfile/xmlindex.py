"""The index of a scan service as XML, read in the box: the same rows as those of a table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from intake.backfile.layout import FILE
from intake.box import Box
from intake.errors import ConfigError, InputError, Reason
from intake.tables import Row, column_name

ENDING = ".xml"


def xml_rows(box: Box, path: Path, names: Mapping[str, str]) -> list[Row]:
    """The entries of the index at `path`, counted from 1, under our names (`names`: ours by those of elements and attributes).

    Raises ConfigError (a German sentence) when it is not well-formed, too large, or no element names a file.
    """
    files = sorted(name for name, ours in {**names, FILE: FILE}.items() if ours == FILE)
    with tempfile.TemporaryDirectory(prefix="poststelle-index-") as folder:
        try:
            entries = box.batch_index(path, files, Path(folder))
        except InputError as error:
            raise ConfigError(_sentence(path.name, error, files)) from error
    return [(number, _named(entry, names)) for number, entry in enumerate(entries, start=1)]


def _named(entry: tuple[tuple[str, str], ...], names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in entry:
        plain = column_name(name)
        found.setdefault(names.get(plain, plain), value)
    return found


def _sentence(name: str, error: InputError, files: list[str]) -> str:
    if error.reason is Reason.WRONG_TYPE:
        return (f"In {name} nennt kein Element und kein Attribut eine Datei (gesucht: {', '.join(files[:6])}; {error.detail}). "
                "Tragen Sie unter columns im Profil ein, wie es dort heißt, etwa columns = { \"Scan@href\" = \"file\" }.")
    if error.reason is Reason.TOO_LARGE:
        return f"{name} ist zu groß für ein Verzeichnis ({error.detail}). Teilen Sie die Lieferung auf mehrere Stapel auf."
    if error.reason is Reason.DAMAGED:
        return (f"{name} ist keine gültige XML-Datei, oder sie erklärt einen Dokumenttyp, was hier nicht erlaubt ist "
                f"({error.detail}). Bitten Sie den Dienstleister um eine gültige Fassung, oder um eine CSV-Datei.")
    return f"{name} lässt sich nicht lesen ({error.detail or error.reason.value}). Prüfen Sie Pfad und Rechte."
