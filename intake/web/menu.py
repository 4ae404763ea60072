"""The navigation: which screens a person has, and how much waits in them."""

from __future__ import annotations

from dataclasses import dataclass

from intake.db.waiting import waiting_for
from intake.vocabulary import Role
from intake.web.rules import User
from intake.web.state import Web

POST, FACH, HEAD, ADMIN, AUDIT = Role
SCREENS: tuple[tuple[str, str, frozenset[Role]], ...] = (
    # title, address, who has it; the same roles stand in the rules of the routes (tests/test_web_rules.py compares)
    ("Posteingang", "/posteingang", frozenset({POST, HEAD, AUDIT})),
    ("Prüfen", "/pruefen", frozenset({POST})),
    ("Klärung", "/klaerung", frozenset({POST, HEAD})),
    ("Mein Eingang", "/eingang", frozenset({FACH, HEAD})),
    ("Akten", "/akten", frozenset({POST, FACH, HEAD, AUDIT})),
    ("Altakten", "/stapel", frozenset({POST, HEAD})),
    ("Übersicht", "/uebersicht", frozenset({POST, HEAD, ADMIN, AUDIT})),
    ("Protokoll", "/protokoll", frozenset({HEAD, ADMIN, AUDIT})),
    ("Verwaltung", "/verwaltung", frozenset({ADMIN})),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `count` of what waits there, None where nothing is counted."""

    title: str
    url: str
    here: bool
    count: int | None


def menu(web: Web, user: User, path: str) -> tuple[Entry, ...]:
    """The screens of this person, the one at `path` marked."""
    mine = [(title, url) for title, url, roles in SCREENS if user.roles & roles]
    counted = {url for _, url in mine} & {"/pruefen", "/klaerung"}
    numbers: dict[str, int] = {}
    if counted:
        with web.db.read() as conn:
            waits = waiting_for(conn, user.viewer)
        numbers = {"/pruefen": waits.documents, "/klaerung": waits.problems}
    return tuple(Entry(title, url, path == url or path.startswith(f"{url}/"), numbers.get(url)) for title, url in mine)


def home_of(user: User) -> str:
    """Where a person begins: his first screen."""
    return next((url for _, url, roles in SCREENS if user.roles & roles), "/konto")
