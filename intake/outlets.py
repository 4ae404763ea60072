"""Settings of what goes out: filings to other systems (document management, hot folders), mails to the offices."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from intake.inboxes import Section

LOCAL = {"localhost", "127.0.0.1", "::1"}
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


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


class OfficeMail(Section):
    """[tenant.office_mail] one mail a day to each office, and one at once for what is urgent; never with names or subjects."""

    addresses: dict[str, str] = Field(
        {}, description="Adresse je Amt, etwa { Bauamt = \"bauamt@amt.example\" }; leer = keine Mails an die Ämter. Es gehen nur "
        "Zahlen und ein Verweis auf „Mein Eingang“ hinaus, nie Namen oder Betreffe.")
    at: str = Field("07:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Uhrzeit (Ortszeit) der täglichen Mail.")
    sender: str = Field("", description="Absender dieser Mails; leer = jeweils die Adresse des Amtes selbst.")
    urgent_days: int = Field(
        3, ge=0, le=60, description="Läuft eine Frist in so vielen Tagen ab, gilt das Schriftstück als eilig; eilig ist auch, "
        "was jemand beim Prüfen als „eilt“ gekennzeichnet hat. Dann geht sofort eine Mail an das Amt.")
    urgent_words: tuple[str, ...] = Field(
        ("Eilt", "Eilsache", "Eilig", "Sofort", "Dringend", "Fristsache"),
        description="Stehen diese Wörter im Kopf eines Briefes (über der Anrede) oder im Betreff einer E-Mail, wird „eilt“ "
        "vorgeschlagen.")

    @field_validator("addresses")
    @classmethod
    def _addresses_are_some(cls, addresses: dict[str, str]) -> dict[str, str]:
        wrong = [f"{office} = {address!r}" for office, address in addresses.items()
                 if not office.strip() or not _ADDRESS.fullmatch(address)]
        if wrong:
            raise ValueError(f"das ist keine E-Mail-Adresse: {', '.join(wrong)}")
        return addresses

    @field_validator("sender")
    @classmethod
    def _sender_is_one(cls, sender: str) -> str:
        if sender and not _ADDRESS.fullmatch(sender):
            raise ValueError(f"das ist keine E-Mail-Adresse: {sender!r}")
        return sender
