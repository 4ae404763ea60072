"""The job `office`: pages of an Office file, drawn by LibreOffice as a PDF. The sandbox is the wall, the settings a second one.

LibreOffice gets a profile of its own that is gone afterwards, with macros, active content, updates of links and whatever lies
outside the document switched off. Nothing is read but the file itself: there is no network, and nothing else to be found.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from intake.box.inside import archive, pdfcheck
from intake.box.inside.sniff import OFFICE, RTF, sniff_file
from intake.errors import InputError, Reason

SECONDS = 150
"""For one file; a letter takes two."""
FIRST_START = 81
"""LibreOffice's exit code when it has set up its profile and wants to be started again."""
_PLACE, _PROFILE = Path("/tmp/office"), Path("/tmp/profile")
_SETTINGS = (
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"), ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Common/Security/Scripting", "DisablePythonRuntime", "true"),
    ("Writer/Content/Update", "Link", "0"), ("Calc/Content/Update", "Link", "1"), ("Common/Misc", "FirstRun", "false"),
    ("Common/Misc", "UseLocking", "false"), ("Java/VirtualMachine", "Enable", "false"))
_OLE = (("WordDocument", ".doc"), ("Workbook", ".xls"), ("Book", ".xls"), ("PowerPoint Document", ".ppt"))
_OOXML = (("word/", ".docx"), ("xl/", ".xlsx"), ("ppt/", ".pptx"))
_ODF = {"text": ".odt", "spreadsheet": ".ods", "presentation": ".odp", "graphics": ".odg"}
_FAILED = ("LibreOffice konnte die Datei nicht öffnen: Sie ist beschädigt oder mit einem Kennwort geschützt. "
           "Bitten Sie um eine PDF-Datei.")
_UNKNOWN = "Dieses Office-Format wird nicht gelesen. Bitten Sie um eine PDF-Datei."


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """{pdf, pages} of inputs[0], drawn by the program order["program"]. Raises InputError for what gives no pages."""
    suffix = suffix_of(inputs[0])
    _PLACE.mkdir()
    source = _PLACE / f"dokument{suffix}"
    shutil.copyfile(inputs[0], source)
    _write_profile()
    drawn = source.with_suffix(".pdf")
    _start(Path(str(order["program"])), source)
    if not drawn.is_file():
        raise InputError("", reason=Reason.DAMAGED, detail=_FAILED)
    shutil.copyfile(drawn, out / "office.pdf")
    pages, replaced, _ = pdfcheck.pages_of(out / "office.pdf", out / "mended.pdf", int(order["max_pages"]))
    return {"pdf": "mended.pdf" if replaced else "office.pdf", "pages": pages}


def suffix_of(path: Path) -> str:
    """The suffix by which LibreOffice takes the file, by its content; raises InputError encrypted, active, unknown_type."""
    kind = sniff_file(path, "")
    if kind.media_type == RTF:
        return ".rtf"
    if kind.media_type == "application/zip":
        kind = archive.zip_kind(path)
        if kind.media_type not in OFFICE or kind.reason is not Reason.UNKNOWN_TYPE:
            raise InputError("", reason=kind.reason or Reason.UNKNOWN_TYPE, detail=kind.detail)
        return _suffix_of_zip(path)
    data = path.read_bytes()
    if kind.media_type not in OFFICE or _named(data, "__properties_version1.0"):
        raise InputError("", reason=Reason.UNKNOWN_TYPE, detail=kind.detail)
    if _named(data, "EncryptedPackage"):
        raise InputError("", reason=Reason.ENCRYPTED, detail="Das Office-Dokument ist mit einem Kennwort geschützt.")
    if _named(data, "_VBA_PROJECT"):
        raise InputError("", reason=Reason.ACTIVE, detail="Das Office-Dokument enthält Makros und wird nicht geöffnet.")
    suffix = next((suffix for name, suffix in _OLE if _named(data, name)), None)
    if suffix is None:
        raise InputError("", reason=Reason.UNKNOWN_TYPE, detail=kind.detail)
    return suffix


def _named(data: bytes, name: str) -> bool:
    """Whether an OLE file has a stream of this name (its directory holds names in UTF-16 with a zero at the end)."""
    return name.encode("utf-16-le") + b"\x00\x00" in data


def _suffix_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            suffix = next((suffix for begin, suffix in _OOXML if any(name.startswith(begin) for name in names)), None)
            if suffix is None and "mimetype" in names:
                with packed.open("mimetype") as file:
                    said = file.read(200).decode("ascii", "replace").strip()
                suffix = _ODF.get(said.removeprefix("application/vnd.oasis.opendocument.").removesuffix("-template"))
    except archive.BROKEN as error:
        raise InputError("", reason=Reason.DAMAGED, detail=_FAILED) from error
    if suffix is None:
        raise InputError("", reason=Reason.UNKNOWN_TYPE, detail=_UNKNOWN)
    return suffix


def _write_profile() -> None:
    """The settings of a profile that this one file is opened with."""
    folder = _PROFILE / "user"
    folder.mkdir(parents=True)
    items = "".join(
        f'<item oor:path="/org.openoffice.Office.{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop>'
        "</item>" for path, name, value in _SETTINGS)
    (folder / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{items}</oor:items>", encoding="utf-8")


def _start(program: Path, source: Path) -> None:
    command = [str(program), "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "--nofirststartwizard",
               f"-env:UserInstallation=file://{_PROFILE}", "--convert-to", "pdf", "--outdir", str(_PLACE), str(source)]
    environment = {"LD_LIBRARY_PATH": str(program.parent), "HOME": "/tmp", "SAL_USE_VCLPLUGIN": "svp", "LC_ALL": "C.UTF-8",
                   "PATH": "/usr/bin:/bin"}  # the loader cannot ask /proc where the program lies
    for _ in range(2):
        try:
            ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                                   check=False)
        except subprocess.TimeoutExpired as error:
            said = f"LibreOffice wurde in {SECONDS} Sekunden nicht fertig."
            raise InputError("", reason=Reason.TIMEOUT, detail=said) from error
        if ended.returncode != FIRST_START:
            return
