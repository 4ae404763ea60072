"""Settings of the doors: what each watched folder and mailbox has in common, and how its post comes in."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from intake.vocabulary import Naming


class Section(BaseModel):
    """A table of the TOML file; unknown keys are an error, so that a typing mistake is not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Inbox(Section):
    """What every door has: whose post comes in by it, and who may see it until it is filed."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="Name; bei einem Scanprofil zugleich eingang/<name>.")
    office: str = Field("", description="Amt, für das hier Post eingeht; leer = noch offen.")
    access_class: str = Field("Poststelle", description="Zugriffsklasse von allem, was hier eingeht, bis es abgelegt ist.")
    languages: str = Field("", description="Sprachdaten nur für diese Post; leer = wie [read].")
    branch: str = Field("", description="Zweig des Aktenplans, in den diese Post meist gehört.")
    lane: Literal["post", "backfile"] = Field(
        "post", description="post = laufende Post, backfile = Altakten (kommen nach der Post).")
    attachments: Literal["whole", "split"] = Field(
        "whole", description="Anlagen von E-Mails: whole = jede Datei ein Schriftstück; split = schneiden wie einen Stapel.")


ACKNOWLEDGEMENT = """\
Guten Tag,

Ihre Nachricht ist am {received} bei uns eingegangen (Eingangsnummer {number}).
Diese Bestätigung wurde automatisch erstellt. Sie sagt nichts über den Inhalt Ihrer Nachricht aus
und wahrt keine Frist. Bitte antworten Sie nicht auf diese Mail.

Mit freundlichen Grüßen
{title}
"""


class Mailbox(Inbox):
    """[[tenant.mailbox]] one folder of a mail account that is emptied by IMAP."""

    host: str = Field(description="Mailserver (IMAP). Die Verbindung ist immer verschlüsselt, das Zertifikat wird geprüft.")
    port: int = Field(993, ge=1, le=65535, description="993 mit TLS von Anfang an; 143 mit tls = \"starttls\".")
    tls: Literal["tls", "starttls"] = Field("tls", description="tls = von Anfang an; starttls = erst nach der Begrüßung.")
    ca_file: str = Field("", description="Datei mit dem Zertifikat der eigenen Zertifizierungsstelle; leer = die des Systems.")
    user: str = Field(description="Anmeldename des Postfachs.")
    login: Literal["password", "xoauth2"] = Field("password", description="xoauth2 = mit einem OAuth2-Token anmelden.")
    secret_file: str = Field(
        "", description="Datei mit Kennwort, Client-Geheimnis oder fertigem Token; leer = secrets/<name> dieser Installation.")
    token_url: str = Field(
        "", description="Adresse, die Token ausstellt (client credentials); leer = das Token steht in der Datei.")
    client_id: str = Field("", description="Kennung dieser Anwendung beim Aussteller der Token.")
    scope: str = Field("", description="Umfang des Tokens, etwa https://outlook.office365.com/.default")
    folder: str = Field("INBOX", description="Ordner, der geleert wird.")
    done_folder: str = Field("Eingelesen", description="Dorthin wird verschoben, was aufgenommen ist; es wird nie gelöscht.")
    poll_seconds: float = Field(60.0, ge=1, le=3600, description="So oft wird nachgesehen, wenn der Server nichts meldet.")
    max_mib: int = Field(150, ge=1, description="Größere Nachrichten bleiben liegen (Klärungsfall).")
    acknowledge: bool = Field(
        False, description="true = Absender erhalten eine Eingangsbestätigung ([smtp] muss eingerichtet sein): nie Verteiler und "
        "Automaten, höchstens eine je Absender und Tag.")
    acknowledge_from: str = Field("", description="Absender der Eingangsbestätigung; leer = der Anmeldename (user).")
    acknowledge_text: str = Field(
        ACKNOWLEDGEMENT, description="Text der Eingangsbestätigung; {title}, {received} und {number} werden eingesetzt.")
    authserv_id: str = Field(
        "", pattern=r"^\S*$", description="So nennt sich der eigene Mailserver in Authentication-Results; nur was er zu SPF, "
        "DKIM und DMARC schreibt, wird festgehalten. Leer = nichts davon.")

    @field_validator("acknowledge_text")
    @classmethod
    def _template_fits(cls, text: str) -> str:
        try:
            text.format(title="", received="", number="")
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(f"in acknowledge_text steht eine unbekannte Stelle: {error}") from error
        return text

    @model_validator(mode="after")
    def _acknowledgement_has_a_sender(self) -> Mailbox:
        if self.acknowledge and "@" not in (self.acknowledge_from or self.user):
            raise ValueError("acknowledge braucht eine Adresse in acknowledge_from")
        return self


SIDECAR_FIELDS = frozenset({"file_reference", "entry", "kind", "subject", "letter_date", "sender_name", "our_reference",
                            "batch"})
"""What data beside a document may say of it."""


class Cutting(Inbox):
    """How paper that comes in by a door is cut into documents, and what its Transfervermerk says of the scanning."""

    transfer_note: Literal["off", "scanned", "all"] = Field(
        "scanned", description="Transfervermerk (TR-RESISCAN) zu jedem Scanprodukt: scanned = wenn Seiten als Bild kamen; all = "
        "auch, wenn der Scanner den Text schon erkannt hat; off = nie.")
    transfer_note_embedded: bool = Field(
        False, description="true = der Transfervermerk liegt auch im PDF (PDF/A-3b); daneben liegt er immer.")
    operator: str = Field(
        "", description="Wer scannt (Name oder Kürzel, auch eines Dienstleisters); Pflichtangabe des Transfervermerks. Wer "
        "prüft, darf nicht derselbe sein.")
    contractor: str = Field("", description="Scandienstleister; leer = der Mandant selbst.")
    scanner: str = Field("", description="Scanner mit Inventarnummer; Pflichtangabe des Transfervermerks.")
    workplace: str = Field("", description="Scanarbeitsplatz.")
    scan_settings: dict[str, str] = Field(
        {}, description="Geprüfte Einstellungen, etwa { \"Auflösung\" = \"300 dpi\", Farbe = \"grau\", Duplex = \"ja\" }.")
    protection: Literal["normal", "hoch", "sehr hoch"] = Field(
        "normal", description="Schutzbedarf der Integrität (TR-RESISCAN).")

    separators: Literal["cut", "ignore"] = Field(
        "cut", description="cut = Trennblätter schneiden den Stapel; ignore = sie sind Seiten wie andere, und mit "
        "boundaries = off ist eine Datei ein Schriftstück.")
    pages_per_document: int = Field(
        0, ge=0, le=1000, description="Mehr als 0: jedes Schriftstück hat so viele gescannte Seiten (leere mitgezählt, nach "
        "einem Trennblatt von vorn); boundaries gilt dann nicht.")
    boundaries: Literal["off", "ask", "auto"] = Field(
        "off", description="Grenzen ohne Trennblatt erkennen: off = nicht; ask = schneiden, aber jeden Schnitt bestätigen "
        "lassen; auto = nach den beiden folgenden Werten.")
    cut_auto: float = Field(
        0.95, gt=0.5, le=1, description="Ab dieser Wahrscheinlichkeit gilt ein erkannter Schnitt (oder dass keiner ist) ohne "
        "Vermerk.")
    cut_ask: float = Field(
        0.75, ge=0.5, le=1, description="Darunter ist der Schnitt unsicher, und ein Mensch muss hinsehen; dazwischen gilt er mit "
        "Vermerk.")

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Cutting:
        if self.cut_ask > self.cut_auto:
            raise ValueError("cut_ask darf nicht größer sein als cut_auto")
        return self


class ScanProfile(Cutting):
    """[[tenant.profile]] one watched folder and what its paper has in common."""

    folder: str = Field("", description="Leer = eingang/<name> dieser Installation; sonst ein voller Pfad, etwa eine Freigabe.")
    watch: Literal["auto", "local", "network"] = Field(
        "auto", description="local = das System meldet neue Dateien; network = regelmäßiges Nachsehen; auto erkennt es.")
    settle_seconds: float = Field(10.0, ge=0, description="So lange müssen Größe und Zeitstempel einer Datei unverändert sein.")
    alarm_minutes: int = Field(30, ge=1, description="Eine Datei, die so lange nicht fertig wird, ist ein Klärungsfall.")
    sidecar: Literal["none", "auto"] = Field(
        "none", description="Begleitdateien anderer Systeme: auto = jede Datei wird erst aufgenommen, wenn NAME.xml, NAME.json "
        "oder NAME.csv daneben liegt (oder sidecar_index für alle); beide sind eine Sendung und ein Schriftstück.")
    sidecar_index: str = Field(
        "index.csv", description="Name einer CSV-Datei, die je Zeile eine Datei dieses Ordners nennt und beschreibt; "
        "leer = keine.")
    sidecar_marker: str = Field(
        "", pattern=r"^(\.[a-z0-9]{1,12})?$", description="Endung einer Fertigmarke, etwa .done oder .ok: Aufgenommen wird "
        "erst, wenn auch NAME.done daneben liegt. Leer = ohne.")
    sidecar_fields: dict[str, str] = Field(
        {}, description="Was ein Feld der Begleitdatei bei uns heißt, etwa { Aktenzeichen = \"file_reference\" }. Bei uns: "
        "file_reference, entry, kind, subject, letter_date, sender_name, our_reference (Zeichen des Absenders), batch; diese "
        "Namen gelten auch selbst.")
    sidecar_sure: float = Field(
        0.9, ge=0.05, le=0.99, description="Wahrscheinlichkeit, mit der ein Wert der Begleitdatei stimmt; Ihr Erfahrungswert.")
    packages: bool = Field(
        False, description="true = jeder Unterordner ist eine Sendung (beBPo-/EGVP-Paket mit xjustiz_nachricht.xml, Stapel mit "
        "index.csv), sobald sich darin nichts mehr ändert.")
    delete_done_days: int = Field(
        0, ge=0, description="0 = nie; sonst werden Dateien in erledigt/ nach so vielen Tagen gelöscht, protokolliert.")

    @property
    def naming(self) -> Naming | None:
        """What its sidecars call our fields; None where there are none."""
        if self.sidecar == "none" and not self.packages:
            return None
        own = {name: name for name in SIDECAR_FIELDS}
        return Naming(own | {name.lower(): ours for name, ours in self.sidecar_fields.items()}, self.sidecar_sure)

    @field_validator("sidecar_fields")
    @classmethod
    def _fields_are_known(cls, fields: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(fields.values()) - SIDECAR_FIELDS)
        if unknown:
            raise ValueError(f"diese Felder gibt es nicht: {', '.join(unknown)}")
        return fields


BACKFILE_FIELDS = SIDECAR_FIELDS | {
    "parcel", "site_address", "applicant", "designer", "neighbour", "project", "permit_date", "application_date",
    "title", "register"}
"""What the index of a scan service, or a file's own path, may say of a document of the back-file."""
OF_AKTE = frozenset({"file_reference", "entry", "parcel", "site_address"})
OF_VORGANG = OF_AKTE | {"applicant", "designer", "project"}
"""What, said of a whole Akte or Vorgang, holds for each of its documents: the Bauherr of an Akte is that of its first Vorgang."""
STRUCTURE = frozenset({"file", "pages"})
"""Columns of an index that say which file is meant and how many pages it must have."""


class Backfile(Cutting):
    """[[tenant.backfile]] how a delivery of old files (a disk of a scan service, a network drive) is made up."""

    lane: Literal["post", "backfile"] = Field(
        "backfile", description="post = laufende Post, backfile = Altakten (kommen nach der Post).")
    boundaries: Literal["off", "ask", "auto"] = Field(
        "auto", description="Grenzen ohne Trennblatt erkennen, wo eine Datei mehrere Schriftstücke hat; wie bei Scanprofilen.")
    unit: Literal["akte", "vorgang", "schriftstueck", "seite"] = Field(
        "akte", description="Was eine Datei ist: akte oder vorgang (mehrere Schriftstücke, werden geschnitten), schriftstueck, "
        "oder seite (ein Bild je Seite; was zusammengehört, sagt pattern mit (?P<seite>...)).")
    pattern: str = Field(
        "", description="Regulärer Ausdruck auf den Pfad unterhalb des gelieferten Ordners (mit / zwischen den Ordnern, ohne "
        "Endung). Seine Namen sagen, was der Pfad bedeutet: (?P<akte>...) Aktenzeichen, (?P<vorgang>...), (?P<titel>...), "
        "(?P<seite>...). Leer = der Pfad ist nur ein Hinweis.")
    columns: dict[str, str] = Field(
        {}, description="Wie die Spalten des Verzeichnisses (Index) bei uns heißen, etwa { Dateiname = \"file\", Blattzahl = "
        "\"pages\", AZ = \"file_reference\", Bauherr = \"applicant\" }. file und pages sagen, welche Datei gemeint ist und wie "
        "viele Seiten sie hat; unsere Namen gelten auch selbst. In einem XML-Verzeichnis sind es die Namen der Elemente und "
        "Attribute ohne Namensraum, wo nötig genauer: \"Scan@href\" (Attribut href von Scan), \"Akte/Nummer\" (Element Nummer in "
        "Akte); was um ein Element herum steht, gilt auch für alles darin.")
    index_sure: float = Field(
        0.9, ge=0.05, le=0.99, description="Wahrscheinlichkeit, mit der ein Wert des Verzeichnisses stimmt; Ihr Erfahrungswert.")
    rescan_folder: str = Field(
        "", description="Wohin Nachscans gelegt werden; leer = eingang/<name>/nachscan dieser Installation. Welche Seite gemeint "
        "ist, sagt der gedruckte Zettel davor (poststelle batch slips), sonst der Name (A_1_akte_S12.tif ersetzt Seite 12 von "
        "A_1/akte.pdf, A_1_akte_S12+.tif kommt dahinter) oder die Tabelle nachscan.csv daneben (Nachscan; Datei; Seite; Art).")
    registers: bool = Field(True, description="true = Register der Bauakte (01 bis 14) und Bauvorlagen erkennen.")
    protection: Literal["normal", "hoch", "sehr hoch"] = Field(
        "normal", description="Schutzbedarf der Integrität (TR-RESISCAN): bestimmt, wie viele Schriftstücke ein Mensch ansieht.")

    @property
    def naming(self) -> Naming:
        """What an index and a path call our fields."""
        own = {name: name for name in BACKFILE_FIELDS}
        return Naming(own | {name.lower(): ours for name, ours in self.columns.items()}, self.index_sure)

    @field_validator("columns")
    @classmethod
    def _columns_are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(columns.values()) - BACKFILE_FIELDS - STRUCTURE)
        if unknown:
            raise ValueError(f"diese Felder gibt es nicht: {', '.join(unknown)}")
        return columns

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str) -> str:
        try:
            names = set(re.compile(pattern).groupindex)
        except re.error as error:
            raise ValueError(f"pattern ist kein regulärer Ausdruck: {error}") from error
        if unknown := sorted(names - {"akte", "vorgang", "titel", "seite"}):
            raise ValueError(f"pattern kennt nur akte, vorgang, titel und seite, nicht {', '.join(unknown)}")
        return pattern

    @model_validator(mode="after")
    def _pages_have_an_order(self) -> Backfile:
        if self.unit == "seite" and "(?P<seite>" not in self.pattern:
            raise ValueError("unit = seite braucht ein pattern mit (?P<seite>...)")
        return self
