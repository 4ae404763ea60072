"""Passwords and OAuth2 tokens for the doors: read when needed, kept nowhere else, never logged."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from intake.errors import ConfigError, ServiceError

EARLY = 60.0  # seconds before its end at which a token is renewed
TIMEOUT = 30.0


def from_file(path: Path) -> Callable[[], str]:
    """A function that reads the secret in `path` anew each time (one line; the line end does not count).

    The function raises ConfigError when the file is missing, empty, or readable by everybody.
    """

    def read() -> str:
        try:
            if path.stat().st_mode & 0o007:
                raise ConfigError(f"{path} ist für alle lesbar. Geben Sie ein: chmod 600 {path}")
            secret = path.read_text(encoding="utf-8").strip("\r\n")
        except OSError as error:
            raise ConfigError(f"Das Kennwort in {path} lässt sich nicht lesen ({error.strerror}). Legen Sie die Datei an, "
                              "mit dem Kennwort in einer Zeile, und schützen Sie sie mit chmod 600.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} enthält keinen Text. Schreiben Sie das Kennwort in einer Zeile hinein (UTF-8).") from error
        if not secret:
            raise ConfigError(f"{path} ist leer. Schreiben Sie das Kennwort in einer Zeile hinein.")
        return secret

    return read


def client_credentials(url: str, client_id: str, secret: Callable[[], str], scope: str,
                       now: Callable[[], float] = time.monotonic) -> Callable[[], str]:
    """A function that gives an access token of the OAuth2 client-credentials grant (RFC 6749, 4.4), renewed before it ends.

    The function raises ConfigError when the issuer refuses us, ServiceError when it does not answer.
    """
    held: dict[str, tuple[str, float]] = {}

    def token() -> str:
        known = held.get("token")
        if known is not None and now() < known[1]:
            return known[0]
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret(), "scope": scope}
        try:
            answer = httpx.post(url, data=form, timeout=TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as error:
            raise ServiceError(f"Der Aussteller der Token ({url}) antwortet nicht ({type(error).__name__}). "
                               "Es wird weiter versucht.") from error
        if answer.status_code >= 500:
            raise ServiceError(f"Der Aussteller der Token ({url}) ist gestört ({answer.status_code}). Es wird weiter versucht.")
        said = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
        if answer.status_code != 200 or not isinstance(said.get("access_token"), str):
            raise ConfigError(f"Der Aussteller der Token ({url}) gibt keines ({answer.status_code} {said.get('error', '')}). "
                              "Prüfen Sie client_id, Geheimnis und scope.")
        held["token"] = (said["access_token"], now() + float(said.get("expires_in", 300)) - EARLY)
        return held["token"][0]

    return token
