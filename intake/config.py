"""Settings of an installation, as pydantic-settings models: every field described, unknown keys refused.

`config/poststelle.toml` is generated from these descriptions (`python -m intake.config > config/poststelle.toml`);
a test fails when the two differ. An installation is a folder (`Home`) that holds `poststelle.toml` and everything else.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from intake.errors import ConfigError
from intake.inboxes import Backfile, Cutting, Inbox, Mailbox, ScanProfile, Section
from intake.outlets import HandOver, OfficeMail

__all__ = ["Backfile", "Cutting", "HandOver", "Inbox", "Mailbox", "OfficeMail", "ScanProfile", "Section"]


class DatabaseSettings(Section):
    """[database] where the truth is kept."""

    url: str = Field(
        "", description="Leer = SQLite in poststelle.db dieses Ordners; sonst postgresql+psycopg://nutzer@rechner/name.")
    engine_url: str = Field(
        "", description="Leer = engine.db dieses Ordners (nur ein Zwischenspeicher); bei PostgreSQL eine eigene Datenbank.")


class BoxSettings(Section):
    """[box] limits of the sandbox in which foreign bytes are read."""

    memory_mib: int = Field(2048, ge=256, description="Höchster Arbeitsspeicher eines Auftrags in MiB.")
    cpu_seconds: int = Field(120, ge=5, description="CPU-Sekunden je Auftrag, dazu cpu_seconds_page je Seite.")
    cpu_seconds_page: int = Field(20, ge=1, description="CPU-Sekunden je Seite eines Auftrags.")
    wall_seconds: int = Field(600, ge=10, description="Höchste Dauer eines Auftrags in Sekunden.")
    output_mib: int = Field(2048, ge=16, description="Höchste Größe dessen, was ein Auftrag schreiben darf, in MiB.")
    max_file_mib: int = Field(2048, ge=1, description="Größere Dateien werden aufbewahrt, aber nicht gelesen (Klärungsfall).")
    max_pages: int = Field(10_000, ge=1, description="Mehr Seiten in einer Datei sind ein Klärungsfall.")
    max_parts: int = Field(1_000, ge=1, description="Mehr Teile in einer E-Mail sind ein Klärungsfall.")
    max_depth: int = Field(8, ge=1, description="Tiefer verschachtelte E-Mails sind ein Klärungsfall.")
    max_megapixels: int = Field(
        200, ge=10, description="Größte Bildfläche einer Seite in Millionen Bildpunkten (A0 mit 300 dpi: 140).")
    office: str = Field(
        "auto", pattern=r"^(auto|off|/.+)$", description="LibreOffice, das Office-Dateien im Lesekasten als Seiten zeichnet: "
        "auto = wenn es installiert ist (soffice), sonst sein Pfad; off = nie (Klärungsfall).")
    warm: bool = Field(
        True, description="Kleine Dateien nacheinander in einem laufenden Lesekasten öffnen, jede in einem eigenen Prozess; "
        "false = jede Datei in einem eigenen Lesekasten (etwa dreimal so viel Rechenzeit).")


class ReadSettings(Section):
    """[read] how pages become words."""

    engine: Literal["tesseract", "pytesseract"] = Field("tesseract", description="Texterkennung.")
    languages: str = Field(
        "deu", pattern=r"^[a-z_]{3,}(\+[a-z_]{3,})*$", description="Sprachdaten von Tesseract, mit + verbunden.")
    dpi: int = Field(300, ge=150, le=600, description="Auflösung, in der Seiten erkannt werden.")
    chunk_pages: int = Field(
        8, ge=1, le=8, description="Seiten je Leseauftrag; ein Abbruch verliert höchstens einen Auftrag je Kern.")
    trust_text_layer: Literal["auto", "always", "never"] = Field(
        "auto", description="Textschicht von PDF-Dateien übernehmen: auto = nur, wenn sie sinnvoll ist.")
    preview_dpi: int = Field(110, ge=60, le=200, description="Auflösung der gespeicherten Vorschau.")
    rescan_below: float = Field(0.35, ge=0, le=1, description="Unter dieser Güte wird „bitte neu scannen“ angezeigt.")


class EngineSettings(Section):
    """[engine] running what waits."""

    cores: int = Field(0, ge=0, description="Gleichzeitige Leseaufträge auf dieser Maschine; 0 = Zahl der Kerne.")
    window: int = Field(16, ge=2, description="So viele Zeilen werden höchstens zugleich an die Ablaufsteuerung gegeben.")
    poll_seconds: float = Field(1.0, ge=0.05, le=60, description="Abstand, in dem nach wartenden Zeilen gesehen wird.")
    post_share: int = Field(4, ge=1, description="So viele Sendungen der laufenden Post kommen auf eine Altakte.")
    max_deaths: int = Field(
        3, ge=1, description="So oft darf der Lesekasten an einer Sendung sterben, bevor sie zur Klärung geht.")
    retry_seconds: int = Field(
        5, ge=1, description="Erste Wartezeit nach einer Störung; sie verdoppelt sich bis zu einer Stunde.")
    keep_finished_hours: int = Field(24, ge=1, description="So lange bleiben beendete Abläufe in der Ablaufsteuerung stehen.")

    @property
    def cores_here(self) -> int:
        """How many boxed jobs run at once on this machine: the setting, else the cores this process may use."""
        return self.cores or len(os.sched_getaffinity(0))


class WebSettings(Section):
    """[web] what is reached over HTTP: the screens, and the interface for scanners and portals."""

    host: str = Field("127.0.0.1", description="Adresse, an der gelauscht wird. Über diesen Rechner hinaus nur mit TLS.")
    port: int = Field(8632, ge=1, le=65535, description="Port.")
    certificate: str = Field("", description="Datei mit dem TLS-Zertifikat (PEM, mit Zwischenzertifikaten).")
    key: str = Field("", description="Datei mit dem Schlüssel dazu.")
    behind_proxy: bool = Field(
        False, description="true = davor steht auf einer anderen Maschine ein Proxy, der TLS spricht und allein hierher kommt.")
    address: str = Field(
        "", pattern=r"^(https?://[^/\s]+)?$", description="Adresse, unter der Menschen die Poststelle aufrufen, etwa "
        "https://post.example.de; leer = host und port von hier.")

    @property
    def base(self) -> str:
        """What addresses of screens begin with, in links that are handed on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.address or f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


class OidcSettings(Section):
    """[oidc] signing in with the accounts of the administration (OpenID Connect)."""

    issuer: str = Field("", description="Adresse des Anmeldedienstes; leer = nur eigene Konten.")
    client_id: str = Field("", description="Kennung der Poststelle bei ihm.")
    secret_file: str = Field("", description="Datei mit dem Geheimnis dazu; leer = secrets/oidc dieser Installation.")
    title: str = Field("Mit dem Konto der Verwaltung anmelden", description="Aufschrift der Schaltfläche.")
    claim: str = Field(
        "preferred_username", description="Angabe, die beim ersten Mal der Anmeldename sein muss (eines Kontos ohne Kennwort).")


class SmtpSettings(Section):
    """[smtp] the server by which mails go out: acknowledgements of receipt, mails to the offices, the state of the journal."""

    host: str = Field("", description="Mailserver für ausgehende Post; leer = es wird nichts gesendet.")
    port: int = Field(587, ge=1, le=65535, description="587 mit tls = \"starttls\"; 465 mit TLS von Anfang an.")
    tls: Literal["tls", "starttls"] = Field("starttls", description="tls = von Anfang an; starttls = nach der Begrüßung.")
    ca_file: str = Field("", description="Datei mit dem Zertifikat der eigenen Zertifizierungsstelle; leer = die des Systems.")
    user: str = Field("", description="Anmeldename; leer = ohne Anmeldung.")
    secret_file: str = Field("", description="Datei mit dem Kennwort; leer = secrets/smtp dieser Installation.")


class MailSettings(Section):
    """[mail] how messages are judged, by whatever mailbox they came."""

    dkim: bool = Field(
        True, description="Die Unterschrift des absendenden Mailservers (DKIM) selbst prüfen; der Schlüssel wird im DNS "
        "abgefragt. Ohne Antwort gilt sie als nicht geprüft. Nur für Nachrichten aus Postfächern.")
    trust_folder: str = Field(
        "", description="Ordner mit den Zertifikaten (.pem, .crt, .cer, .der) der Stellen, deren S/MIME-Signaturen als gültig "
        "gelten, etwa der Verwaltungs-PKI. Leer = keine gilt als gültig. Gelesen wird er beim Start.")


class JournalSettings(Section):
    """[journal] where the state of the journal is shown outside the database, so that nobody can change it unseen."""

    heads: str = Field("", description="Datei, an die stündlich der Stand des Protokolls angehängt wird, am besten auf einem "
                       "anderen Rechner, wo nur angehängt werden darf; leer = nirgends.")
    mail_to: str = Field("", description="An diese Adresse (etwa die des Datenschutzbeauftragten) geht der Stand täglich per "
                         "E-Mail über [smtp]; leer = nicht.")
    mail_from: str = Field("", description="Absender dieser E-Mail; leer = dieselbe Adresse.")


class BackupSettings(Section):
    """[backup] where backups lie and how old the newest may be."""

    folder: str = Field("", description="Ordner der Sicherungen auf anderem Datenträger, für poststelle backup ohne Angabe. "
                        "Verschlüsselt wird dort nichts; das Laufwerk muss es sein.")
    keep: int = Field(14, ge=0, description="So viele Sicherungen bleiben in diesem Ordner, ältere werden gelöscht; 0 = alle.")
    max_hours: int = Field(36, ge=0, description="Eine ältere letzte Sicherung meldet poststelle check; 0 = nie.")


class LogSettings(Section):
    """[log] ids, sizes and reason codes; never names, subjects or text (safety.md A20)."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Ab welcher Stufe protokolliert wird.")
    format: Literal["console", "json"] = Field("console", description="console für Menschen, json für Maschinen.")


class Rules(Section):
    """[tenant.rules] what may be filed without a person. Everything else waits for a clerk."""

    own_reference: bool = Field(
        False,
        description="Genau ein eigenes, bekanntes Aktenzeichen in der Bezugszeichenzone: ohne Rückfrage in diese Akte ablegen.")
    budget: float = Field(
        0.02, ge=0.001, le=0.05, description="Fehlerbudget: höchster Anteil falscher unter den ohne Rückfrage abgelegten "
        "Schriftstücken, üblich 0.05, 0.02 oder 0.01.")
    automatic: bool = Field(
        False, description="Sichere Vorschläge ohne Rückfrage ablegen, sobald belegt ist, dass das Fehlerbudget hält. Bis dahin, "
        "und danach als Stichprobe, wird blind geprüft: ohne den Vorschlag zu sehen (poststelle model show).")


class Tenant(Section):
    """[[tenant]] a municipality of this installation. Every row carries its name; nothing crosses."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="Kurzname des Mandanten, klein geschrieben.")
    title: str = Field("", description="Voller Name, wie er auf Protokollen steht, etwa „Amt Mittelau“.")
    reference_patterns: tuple[str, ...] = Field((), description="Muster (reguläre Ausdrücke) der eigenen Aktenzeichen.")
    reference_template: str = Field(
        "{unit}/{notation}-{number:04d}/{year}",
        description="So werden neue Aktenzeichen gebildet: unit, notation, number, year.")
    unit_signs: dict[str, str] = Field(
        {}, description="Kürzel der Ämter für {unit} in neuen Aktenzeichen; ohne Kürzel steht dort der Name des Amtes.")
    access_words: tuple[str, ...] = Field(
        ("persönlich", "Personalsache", "vertraulich", "Jugendamt", "Sozialamt"),
        description="Stehen diese Wörter im Anschriftfeld, steigt die Zugriffsklasse auf „Vertraulich“.")
    scan_procedure: str = Field(
        "", description="Verfahrensdokumentation zum ersetzenden Scannen mit ihrer Fassung; Pflichtangabe des Transfervermerks.")
    handover: tuple[HandOver, ...] = Field((), description="Systeme, denen Abgelegtes übergeben wird.")
    stores: tuple[Literal["efile"], ...] = Field(("efile",), description="Ablagen; efile ist die eingebaute E-Akte.")
    register_max_days: int = Field(
        90, ge=0, description="Ältere Register meldet poststelle check; 0 = nie. Neue Dateien kommen in den Ordner register/.")
    rules: Rules = Rules()
    office_mail: OfficeMail = OfficeMail()
    profile: tuple[ScanProfile, ...] = Field((), description="Scanprofile dieses Mandanten.")
    mailbox: tuple[Mailbox, ...] = Field((), description="Postfächer dieses Mandanten.")
    backfile: tuple[Backfile, ...] = Field((), description="Wie Lieferungen alter Akten aufgebaut sind (poststelle batch).")

    @property
    def inboxes(self) -> tuple[Inbox, ...]:
        """All doors of this tenant."""
        return (*self.profile, *self.mailbox, *self.backfile)

    @field_validator("reference_patterns")
    @classmethod
    def _patterns_compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"das Muster {pattern!r} ist kein regulärer Ausdruck: {error}") from error
        return patterns


class Settings(BaseSettings):
    """poststelle.toml, overridden by POSTSTELLE_<TABLE>__<KEY> in the environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="POSTSTELLE_SET_", env_nested_delimiter="__")

    database: DatabaseSettings = DatabaseSettings()
    box: BoxSettings = BoxSettings()
    read: ReadSettings = ReadSettings()
    engine: EngineSettings = EngineSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    oidc: OidcSettings = OidcSettings()
    journal: JournalSettings = JournalSettings()
    backup: BackupSettings = BackupSettings()
    tenant: tuple[Tenant, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, so that a container can change a value without writing it."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        tenants = [tenant.name for tenant in self.tenant]
        inboxes = [inbox.name for tenant in self.tenant for inbox in tenant.inboxes]
        for kind, names in (("Mandanten", tenants), ("Scanprofile oder Postfächer", inboxes)):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{kind} doppelt benannt: {', '.join(sorted(twice))}")
        return self

    def for_tenant(self, name: str) -> Tenant:
        """The tenant's settings; raises ConfigError for a name that is not configured."""
        for tenant in self.tenant:
            if tenant.name == name:
                return tenant
        known = ", ".join(tenant.name for tenant in self.tenant) or "keiner"
        raise ConfigError(f"Den Mandanten „{name}“ gibt es hier nicht (vorhanden: {known}). "
                          "Prüfen Sie --tenant und poststelle.toml.")


@dataclass(frozen=True, slots=True)
class Home:
    """An installation folder (house.md): the only place that knows its paths."""

    root: Path
    settings: Settings

    @property
    def database_url(self) -> str:
        return self.settings.database.url or f"sqlite:///{self.root / 'poststelle.db'}"

    @property
    def engine_url(self) -> str:
        return self.settings.database.engine_url or f"sqlite:///{self.root / 'engine.db'}"

    def blobs(self, tenant: str) -> Path:
        return self.root / "store" / tenant / "blobs"

    def models(self, tenant: str) -> Path:
        return self.root / "store" / tenant / "models"

    def akten(self, tenant: str) -> Path:
        return self.root / "akten" / tenant

    def secret_file(self, mailbox: Mailbox) -> Path:
        return Path(mailbox.secret_file) if mailbox.secret_file else self.root / "secrets" / mailbox.name

    def handovers(self, tenant: str) -> Path:
        """What systems reached over the network were told, a folder each."""
        return self.root / "handover" / tenant

    def handover_secret_file(self, said: HandOver) -> Path:
        return Path(said.secret_file) if said.secret_file else self.root / "secrets" / said.name

    @property
    def smtp_secret_file(self) -> Path:
        return Path(self.settings.smtp.secret_file) if self.settings.smtp.secret_file else self.root / "secrets" / "smtp"

    @property
    def heads(self) -> Path | None:
        """The file outside to which the journal's heads are published; None = nowhere."""
        return Path(self.settings.journal.heads) if self.settings.journal.heads else None

    @property
    def oidc_secret_file(self) -> Path:
        return Path(self.settings.oidc.secret_file) if self.settings.oidc.secret_file else self.root / "secrets" / "oidc"

    def registers(self, tenant: Tenant) -> Path:
        """Where register files are dropped: register/, with a folder for each tenant where there are several."""
        return self.root / "register" / tenant.name if len(self.settings.tenant) > 1 else self.root / "register"

    def rescans(self, profile: Backfile) -> Path:
        """Where rescans of old files are dropped."""
        return Path(profile.rescan_folder) if profile.rescan_folder else self.root / "eingang" / profile.name / "nachscan"

    def folder(self, profile: ScanProfile) -> Path:
        return Path(profile.folder) if profile.folder else self.root / "eingang" / profile.name


def load(root: Path) -> Home:
    """The installation in folder `root`; raises ConfigError (German, naming the key) when it is none or its file is wrong."""
    path = root / "poststelle.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"In {root} liegt keine poststelle.toml. "
                          f"Legen Sie eine Installation an: poststelle init {root}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} ist keine gültige TOML-Datei: {error}. Bessern Sie die genannte Stelle aus.") from error
    try:
        return Home(root.resolve(), Settings(**raw))
    except ValidationError as error:
        lines = [f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise ConfigError(f"{path} enthält Fehler; ändern oder löschen Sie diese Einträge:\n" + "\n".join(lines)) from error


def find_home(given: str | None) -> Path:
    """The folder of --home, else POSTSTELLE_HOME, else the current folder when it is an installation; raises ConfigError."""
    for candidate in (given, os.environ.get("POSTSTELLE_HOME")):
        if candidate:
            return Path(candidate)
    if Path("poststelle.toml").is_file():
        return Path()
    raise ConfigError("Welche Installation? Nennen Sie ihren Ordner mit --home ORDNER oder in POSTSTELLE_HOME.")


# ---- the commented example file --------------------------------------------------------------------------------------

EXAMPLE_TENANT = Tenant(
    name="mittelau", title="Amt Mittelau",
    reference_patterns=(r"\b(?:BA|OA|KA|HA|SA)/\d{1,3}(?:\.\d{2})?-\d{4}/\d{4}\b",),
    profile=(ScanProfile(name="scanner"), ScanProfile(name="stapel", boundaries="auto")),
    backfile=(Backfile(name="bauakten"),),
    unit_signs={"Bauamt": "BA", "Bauhof": "BA", "Liegenschaftsverwaltung": "BA", "Ordnungsamt": "OA", "Bürgerbüro": "OA",
                "Standesamt": "OA", "Amtskasse": "KA", "Kämmerei": "KA", "Steueramt": "KA", "Sozialamt": "SA",
                "Hauptamt": "HA", "Amt für Schule und Kita": "HA", "Gleichstellungsbeauftragte": "HA"})
"""The invented municipality of the default plan and registers; `init` starts from it."""

HEADER = """\
Einstellungen dieser Poststelle.
Zeilen mit „#“ davor zeigen den Vorgabewert; zum Ändern das „#“ wegnehmen. Unbekannte Einträge werden abgelehnt,
damit ein Tippfehler auffällt. Danach prüfen: poststelle check
Jeder Wert lässt sich auch in der Umgebung setzen, etwa POSTSTELLE_SET_READ__LANGUAGES=deu+frk."""


def render(settings: Settings) -> str:
    """poststelle.toml with every setting described: a value that differs from the default is active, the rest a comment."""
    return "\n".join([*_comment(HEADER), *_lines(settings, "")]) + "\n"


def render_tenant(tenant: Tenant) -> str:
    """The part of poststelle.toml for one more tenant, to be put at the end of the file."""
    return "\n".join(["[[tenant]]", *_lines(tenant, "tenant.")]) + "\n"


def _lines(section: BaseModel, path: str, *, described: bool = True) -> Iterator[str]:
    """First the plain values of `section`, then its tables, as TOML wants it; of several tables the first is described."""
    tables: list[tuple[str, BaseModel]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            tables.append((f"[{path}{name}]", value))
        elif name in {"tenant", "profile", "mailbox", "backfile", "handover"}:
            tables += [(f"[[{path}{name}]]", item) for item in value]
        else:
            yield from _value(name, field, value, described=described)
    before = ""
    for heading, table in tables:
        yield from ("", heading)
        yield from _lines(table, heading.strip("[]") + ".", described=described and heading != before)
        before = heading


def _value(name: str, field: FieldInfo, value: Any, *, described: bool) -> Iterator[str]:
    active = field.is_required() or value != field.default
    if described:
        yield from _comment(field.description or "")
    if described or active:
        yield f"{'' if active else '# '}{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"  # a pattern stays readable
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one control character JSON leaves as it is


def _comment(text: str) -> list[str]:
    return [f"# {line}".rstrip() for part in text.splitlines() for line in textwrap.wrap(part, 116) or [""]]


if __name__ == "__main__":
    sys.stdout.write(render(Settings(tenant=(EXAMPLE_TENANT,))))
