"""Signing in with the accounts of the administration: OpenID Connect, code flow with PKCE (RFC 7636), by Authlib.

Who the provider names is looked up by its own identity of him ("issuer sub"). The first time, an account is found by the
claim of `[oidc] claim`, when it has that login and no password: somebody invited him and left signing in to the provider.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from intake.config import OidcSettings
from intake.db.sessions import hashed, new_link, use_link
from intake.db.users import User, change_user, user_by_login, user_by_subject
from intake.errors import ConfigError, Refused, ServiceError
from intake.web.login import begin, entrance, local
from intake.web.rules import anyone, cookie_name
from intake.web.state import Web, WebState

router = APIRouter(prefix="/anmelden/oidc")
LIFE = timedelta(minutes=10)
COOKIE = "anmeldung"
TIMEOUT = 10.0
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones only: with the client's secret as key, whoever knows it could name himself."""
UNKNOWN = "Dieses Konto kennt die Poststelle nicht. Ihre Administration lädt Sie ein; Ihr Anmeldename hier ist der von dort."


@router.get("", dependencies=[anyone("whoever signs in is not signed in yet")])
def leave(request: Request, web: WebState, weiter: Annotated[str, Query(max_length=500)] = "") -> Response:
    """To the provider, with a state that only this browser can bring back, once and soon."""
    said = _settings(web)
    found = _discovered(said)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    with web.db.transaction() as tx:
        state = new_link(tx, "oidc", LIFE, data={"nonce": nonce, "verifier": verifier, "onward": local(weiter)})
    with _client(web) as client:
        url, _ = client.create_authorization_url(
            found["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier)
    response = RedirectResponse(url, 303)
    response.set_cookie(_cookie(request), hashed(state), max_age=int(LIFE.total_seconds()), path="/", httponly=True,
                        samesite="lax", secure=_cookie(request).startswith("__Host-"))
    return response


@router.get("/zurueck", dependencies=[anyone("whoever signs in is not signed in yet")])
def come_back(request: Request, web: WebState, state: Annotated[str, Query(max_length=200)] = "",
              code: Annotated[str, Query(max_length=2000)] = "", error: Annotated[str, Query(max_length=200)] = "") -> Response:
    """From the provider: the code becomes an identity, the identity an account, the account a session."""
    if error or not code or not hmac.compare_digest(hashed(state), request.cookies.get(_cookie(request), "")):
        return entrance(request, "Die Anmeldung wurde abgebrochen. Versuchen Sie es noch einmal.", status=401)
    with web.db.transaction() as tx:
        kept = use_link(tx, "oidc", state)["data"]
    claims = identity(web, code, kept["verifier"], kept["nonce"])
    user = _account(web, claims)
    if user is None or user.locked:
        return entrance(request, UNKNOWN, status=401)
    response = begin(request, web, user, kept["onward"])
    response.delete_cookie(_cookie(request), path="/", secure=_cookie(request).startswith("__Host-"))
    return response


def identity(web: Web, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
    """The claims of the ID token that the provider gives for this code, checked (OpenID Connect Core, 3.1.3.7).

    Raises ServiceError when the provider does not answer, Refused when its answer does not hold.
    """
    said = _settings(web)
    found = _discovered(said)
    try:
        with _client(web) as client:
            token = client.fetch_token(found["token_endpoint"], code=code, code_verifier=verifier)
        keys = KeySet.import_key_set(_json(found["jwks_uri"]))  # type: ignore[arg-type]
        claims = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=60, iss={"essential": True, "value": said.issuer}, aud={"essential": True, "value": said.client_id},
            exp={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": nonce}).validate(claims)
    except httpx.HTTPError as error:
        raise _silent() from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
        raise Refused("Die Antwort des Anmeldedienstes hält der Prüfung nicht stand. Versuchen Sie es noch einmal.") from error
    return claims


def _account(web: Web, claims: Mapping[str, Any]) -> User | None:
    said = web.home.settings.oidc
    subject = f"{said.issuer} {claims['sub']}"
    with web.db.transaction() as tx:
        known = user_by_subject(tx.connection, subject)
        if known is not None:
            return known
        invited = user_by_login(tx.connection, str(claims.get(said.claim, "")))
        if invited is None or invited.password or invited.subject:
            return None
        change_user(tx, invited.id, subject=subject)
        return invited


def _client(web: Web) -> OAuth2Client:
    said = web.home.settings.oidc
    try:
        secret = web.home.oidc_secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"Das Geheimnis für den Anmeldedienst fehlt: {web.home.oidc_secret_file}") from error
    return OAuth2Client(said.client_id, secret, scope="openid profile email", code_challenge_method="S256", timeout=TIMEOUT,
                        redirect_uri=f"{web.home.settings.web.base}/anmelden/oidc/zurueck")


def _settings(web: Web) -> OidcSettings:
    said = web.home.settings.oidc
    if not said.issuer:
        raise Refused("Hier meldet man sich mit Anmeldename und Kennwort an.")
    return said


def _discovered(said: OidcSettings) -> Mapping[str, Any]:
    """What the provider says of itself; it must name itself as we do."""
    found = _json(f"{said.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != said.issuer or not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= set(found):
        raise ConfigError("Der Anmeldedienst nennt sich anders als in [oidc] issuer. Tragen Sie ein, was er selbst nennt.")
    return found


def _json(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _silent() from error
    return dict(found)


def _silent() -> ServiceError:
    return ServiceError("Der Anmeldedienst antwortet nicht. Versuchen Sie es in einigen Minuten noch einmal.")


def _cookie(request: Request) -> str:
    return f"{cookie_name(request)}-{COOKIE}"
