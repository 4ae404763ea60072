"""Settings of the systems to which filings are handed over: document management systems and hot folders."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from intake.inboxes import Section

LOCAL = {"localhost", "127.0.0.1", "::1"}


class HandOver(Section):
    """[[tenant.handover]] a system that gets what is filed: a hot folder, or xdomea by folder or HTTP."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,29}$", description="Kurzname des Zielsystems, klein geschrieben, etwa dms.")
    kind: Literal["folder", "xdomea"] = Field(
        "folder", description="folder = Übergabeordner mit PDF, Begleitdatei und Fertigmarke .done; xdomea = Pakete nach "
        "xdomea 3.1.0.")
    folder: str = Field(
        "", description="Ordner (voller Pfad), in den übergeben wird. Darin legt die Poststelle für sich .poststelle an.")
    url: str = Field("", description="Nur xdomea: Adresse, an die Pakete mit HTTP POST gehen; dann bleibt folder leer.")
    sidecar: Literal["xml", "json"] = Field("xml", description="Nur folder: Form der Begleitdatei.")
    message: Literal["0605", "0401"] = Field(
        "0605", description="Nur xdomea: 0605 = SGOAblegen (lässt sich berichtigen und zurücknehmen); 0401 = Abgabe (nicht).")
    receiver: str = Field("", description="Nur xdomea: Name des Empfängers in der Nachricht; leer = der des Mandanten.")
    classes: tuple[str, ...] = Field(
        ("allgemein",), description="Zugriffsklassen des Aktenplans, deren Schriftstücke dieses System bekommt. Personal, "
        "Soziales, Jugend und andere geschützte Klassen gehen nur hinaus, wenn sie hier stehen.")
    delay_minutes: float = Field(
        10.0, ge=0, description="So lange nach der Ablage beginnt die Übergabe; was bis dahin zurückgenommen wird, geht nie "
        "hinaus.")
    answers: Literal["none", "wait"] = Field(
        "wait", description="wait = das Zielsystem bestätigt (NAME.quittung.json oder .xml; bei xdomea 0630 oder 0402); none = "
        "es bestätigt nie, übergeben gilt als angenommen.")
    answers_folder: str = Field(
        "", description="Ordner (voller Pfad) mit den Rückmeldungen; leer = folder. Bei url: leer = die Antwort auf den Aufruf "
        "gilt.")
    answer_hours: float = Field(
        72.0, gt=0, description="Bleibt die Rückmeldung so lange aus, ist das ein Klärungsfall; gewartet wird weiter.")
    user: str = Field("", description="Nur url: Anmeldename; leer = ohne Anmeldung.")
    secret_file: str = Field("", description="Nur url: Datei mit dem Kennwort; leer = secrets/<name> dieser Installation.")
    headers: dict[str, str] = Field({}, description="Nur url: weitere Kopfzeilen, etwa { X-Mandant = \"mittelau\" }.")
    ca_file: str = Field(
        "", description="Nur url: Datei mit dem Zertifikat der eigenen Zertifizierungsstelle; leer = die des Systems.")

    @model_validator(mode="after")
    def _one_way(self) -> HandOver:
        if self.kind == "folder" and self.url:
            raise ValueError("kind = \"folder\" kennt keine url; schreiben Sie kind = \"xdomea\"")
        if bool(self.folder) == bool(self.url):
            raise ValueError("nennen Sie folder oder url, eines von beiden")
        for path in (self.folder, self.answers_folder):
            if path and not path.startswith("/"):
                raise ValueError(f"nennen Sie den vollen Pfad statt {path}")
        address = urlsplit(self.url)
        if self.url and address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOCAL):
            raise ValueError("url muss mit https:// beginnen (http:// nur auf diesem Rechner)")
        if self.name == "efile":
            raise ValueError("efile heißt die eingebaute E-Akte; nennen Sie das Zielsystem anders")
        return self
