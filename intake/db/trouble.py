"""What a database says when it cannot, in our words: who must act, and what next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from intake.errors import ConfigError, ServiceError

AGAIN = "Es wird von selbst noch einmal versucht."
SQLITE_WAIT = {
    "database is locked": f"Die Datenbank ist gerade belegt. {AGAIN}",
    "disk is full": "Der Datenträger der Datenbank ist voll. Schaffen Sie Platz; danach geht es von selbst weiter.",
    "disk i/o error": f"Der Datenträger der Datenbank meldet einen Fehler. Prüfen Sie ihn. {AGAIN}",
}
SQLITE_MEND = {
    "unable to open database file": "Die Datenbankdatei lässt sich nicht öffnen. Prüfen Sie Ordner und Rechte.",
    "readonly database": "In die Datenbankdatei darf nicht geschrieben werden. Prüfen Sie die Rechte der Installation.",
    "file is not a database": "poststelle.db ist keine Datenbank. Spielen Sie die letzte Sicherung ein.",
    "disk image is malformed": "poststelle.db ist beschädigt. Spielen Sie die letzte Sicherung ein.",
    "no such module: fts5": "SQLite ist hier ohne die Volltextsuche FTS5 gebaut. Geben Sie ein: pip install pysqlite3",
    "no such table": "Die Datenbank ist noch nicht eingerichtet. Führen Sie poststelle init aus.",
}
POSTGRESQL_WAIT = ("08", "53", "57", "40", "55P03")
"""SQLSTATEs (or classes) that pass by themselves: connection, resources, shutdown, serialization/deadlock, lock."""
POSTGRESQL_MEND = {
    "28": "PostgreSQL lehnt die Anmeldung ab. Prüfen Sie Nutzer und Kennwort in [database] url.",
    "3D": "Die Datenbank in [database] url gibt es nicht. Legen Sie sie mit createdb an.",
    "42P01": "Die Datenbank ist noch nicht eingerichtet. Führen Sie poststelle init aus.",
    "42501": "Der Datenbanknutzer hat zu wenige Rechte. Prüfen Sie [database] url.",
}


@contextmanager
def translated() -> Iterator[None]:
    """Database trouble as ServiceError or ConfigError; a bug of ours (bad SQL, broken constraint) stays what it is."""
    try:
        yield
    except PoolTimeout as error:
        raise ServiceError(f"Alle Verbindungen zur Datenbank sind belegt. {AGAIN}") from error
    except DBAPIError as error:
        ours = _postgresql(error) if type(error.orig).__module__.startswith("psycopg") else _sqlite(error)
        if ours is None:
            raise
        raise ours from error


def _sqlite(error: DBAPIError) -> ServiceError | ConfigError | None:
    text = str(error.orig).lower()
    wait = next((sentence for part, sentence in SQLITE_WAIT.items() if part in text), None)
    mend = next((sentence for part, sentence in SQLITE_MEND.items() if part in text), None)
    return ServiceError(wait) if wait else ConfigError(mend) if mend else None


def _code_of_refusal(text: str) -> str:
    """A refused connection carries no SQLSTATE, only the server's words (English or German); "" for any other text."""
    if re.search(r'FATAL:.*(database|Datenbank) ".*" (does not exist|existiert nicht)', text, re.DOTALL):
        return "3D000"
    return "28000" if re.search(r"FATAL:.*(authentication|Authentifizierung|pg_hba\.conf|role|Rolle)", text, re.DOTALL) else ""


def _postgresql(error: DBAPIError) -> ServiceError | ConfigError | None:
    code = getattr(error.orig, "sqlstate", None) or _code_of_refusal(str(error.orig))
    mend = next((sentence for start, sentence in POSTGRESQL_MEND.items() if code.startswith(start)), None)
    if mend:
        return ConfigError(mend)
    # without a code: the driver itself lost (or never had) the connection
    silent = not code and type(error.orig).__name__ in ("OperationalError", "InterfaceError")
    if silent or error.connection_invalidated or code.startswith(POSTGRESQL_WAIT):
        said = code or "keine Verbindung"
        return ServiceError(f"PostgreSQL ist gerade nicht erreichbar oder überlastet ({said}). {AGAIN}")
    return None
