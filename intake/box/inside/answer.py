"""What another system answered to a hand-over: our own small form (JSON or XML), or xdomea 0630 and 0402 (also in a ZIP)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from intake.box.inside.sidecar import local, xml_root
from intake.errors import InputError, Reason

MOST_BYTES = 8 << 20
YES = {"angenommen", "ok", "erfolgreich", "true", "1", "ja", "accepted"}
NO = {"abgelehnt", "fehler", "false", "0", "nein", "refused", "rejected"}
DONE_CODES = {"0000000", "0000009"}
"""AllgemeineRueckmeldung: carried out; was carried out before."""
Said = dict[str, Any]


def run(_order: Mapping[str, Any], inputs: Sequence[Path], _out: Path) -> Said:
    """{"accepted": true|false|null, "reference", "sentence"}; null for a mere receipt. Raises InputError when it is neither."""
    data = _data(inputs[0])
    try:
        return _of_json(json.loads(data)) if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" else _of_xml(xml_root(data))
    except (ValueError, RecursionError, etree.LxmlError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"nicht zu lesen: {type(error).__name__}") from error


def _data(path: Path) -> bytes:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = [one for one in archive.infolist()
                         if one.filename.lower().endswith(".xml") and one.file_size <= MOST_BYTES]
                if len(names) != 1:
                    raise InputError("", reason=Reason.DAMAGED, detail="das Paket enthält nicht genau eine Nachricht")
                return archive.read(names[0])
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail="das Paket ist beschädigt") from error
    data = path.read_bytes()
    if len(data) > MOST_BYTES:
        raise InputError("", reason=Reason.TOO_LARGE, detail="zu groß für eine Rückmeldung")
    return data


def _of_json(said: Any) -> Said:
    known = {str(name).lower(): value for name, value in said.items()}
    return _verdict(str(known.get("ergebnis", "")), str(known.get("referenz") or ""), str(known.get("meldung") or ""))


def _of_xml(root: etree._Element) -> Said:
    name = local(root)
    if name.endswith((".0630", ".0402")):
        return _of_xdomea(root)
    if name.endswith((".0629", ".0403")):
        return {"accepted": None, "reference": "", "sentence": ""}
    return _verdict(_first(root, "Ergebnis"), _first(root, "Referenz"), _first(root, "Meldung"))


def _verdict(word: str, reference: str, sentence: str) -> Said:
    plain = word.strip().lower()
    if plain not in YES | NO:
        raise InputError("", reason=Reason.DAMAGED, detail="darin fehlt das Ergebnis (angenommen oder abgelehnt)")
    return {"accepted": plain in YES, "reference": reference, "sentence": sentence}


def _of_xdomea(root: etree._Element) -> Said:
    """0402: every object has its Erfolgreich. 0630: Rückgabeparameter with Erfolgreich, else the codes of the Rückmeldungen."""
    verdicts = [text.strip().lower() in ("true", "1") for text in _all(root, "Erfolgreich")]
    codes = [(local(one), _first(one, "code"), _first(one, "name")) for one in _elements(root)
             if local(one) in ("AllgemeineRueckmeldung", "SonstigeFehlermeldungCode", "FehlermeldungCode")
             or local(one).startswith("SpezifischeFehlermeldung")]
    free = [*_all(root, "SonstigeFehlermeldung"), *_all(root, "Fehlermeldung")]
    bad = [(code, name) for kind, code, name in codes if kind != "AllgemeineRueckmeldung" or code not in DONE_CODES]
    good = any(kind == "AllgemeineRueckmeldung" and code in DONE_CODES for kind, code, _ in codes)
    accepted = all(verdicts) if verdicts else good and not bad and not free
    sentence = " ".join([*free, *(name or f"Fehler {code}" for code, name in bad)]) if not accepted else ""
    if not verdicts and not codes and not free:
        raise InputError("", reason=Reason.DAMAGED, detail="die Nachricht sagt weder Erfolg noch Misserfolg")
    return {"accepted": accepted, "reference": _first(root, "IDSGO"), "sentence": sentence}


def _elements(root: etree._Element) -> list[etree._Element]:
    return [one for one in root.iter() if isinstance(one.tag, str)]


def _all(root: etree._Element, name: str) -> list[str]:
    return [" ".join((one.text or "").split()) for one in _elements(root) if local(one) == name]


def _first(root: etree._Element, name: str) -> str:
    return next(iter(_all(root, name)), "")
