"""Accounts, sessions, links and the figures of the screens, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intake import people, review
from intake.blobs import Blobs
from intake.db import figures, history
from intake.db.core import Database
from intake.db.documents import get_document
from intake.db.inbox import Filter, fingerprint, inbox
from intake.db.sessions import ABSOLUTE, IDLE, end_sessions_of, new_link, session_of, start_session, touch, use_link
from intake.db.users import (
    FREE_FAILURES,
    LONGEST_BLOCK,
    Grant,
    change_user,
    get_user,
    grant,
    grants_of,
    new_user,
    note_failure,
    note_success,
    people_of,
    user_by_login,
    withdraw,
)
from intake.db.waiting import MANY, waiting_for
from intake.errors import Refused
from intake.journal import entries
from intake.vocabulary import Role, Viewer
from tests.desk_help import TOWN, put_stack
from tests.review_help import plan

EVERYTHING = Viewer(TOWN)
NARROW = Viewer(TOWN, "post", classes=frozenset({"Poststelle"}))


def test_an_account_is_found_in_any_case_and_once(database: Database) -> None:
    with database.transaction() as tx:
        made = new_user(tx, " Kms ", "Karla Muster")
        assert (made.login, made.name, made.letter_keys, made.locked) == ("kms", "Karla Muster", True, False)
        assert user_by_login(tx.connection, "KMS") == made and user_by_login(tx.connection, "x") is None
        for wrong in ("kms", "KMS", "", "mit leer zeichen", "x" * 121, "a\nb"):
            with pytest.raises(Refused):
                new_user(tx, wrong)


def test_failures_block_for_longer_and_longer_and_the_right_password_ends_it(database: Database) -> None:
    with database.transaction() as tx:
        user, waits = new_user(tx, "kms"), []
        for _ in range(FREE_FAILURES + 14):
            note_failure(tx, user)
            now = get_user(tx.connection, user.id)
            waits.append(now.blocked_until)
        assert not any(waits[:FREE_FAILURES - 1]) and waits[FREE_FAILURES:] == sorted(waits[FREE_FAILURES:])
        assert waits[-1] == waits[-2] and timedelta(minutes=15) == LONGEST_BLOCK
        note_success(tx, get_user(tx.connection, user.id))
        assert (get_user(tx.connection, user.id).failures, get_user(tx.connection, user.id).blocked_until) == (0, "")


def test_a_grant_is_of_one_town(database: Database) -> None:
    with database.transaction() as tx:
        user = new_user(tx, "kms")
        given = Grant(TOWN, user.id, frozenset({Role.LEITUNG, Role.POSTSTELLE}), None, ("ap-1",), ("Bauamt",))
        grant(tx, given)
        grant(tx, Grant("nord", user.id, frozenset({Role.REVISION})))
        assert people_of(tx.connection, TOWN) == ((user, given),)
        assert given.viewer("kms") == Viewer(TOWN, "kms", Role.POSTSTELLE, None, ("ap-1",), ("Bauamt",))
        assert [one.tenant for one in grants_of(tx.connection, user.id)] == [TOWN, "nord"]
        withdraw(tx, TOWN, user.id)
        assert people_of(tx.connection, TOWN) == () and len(grants_of(tx.connection, user.id)) == 1
        with pytest.raises(Refused, match="mindestens eine Rolle"):
            grant(tx, Grant(TOWN, user.id, frozenset()))


def test_a_session_lives_as_long_as_it_may(database: Database) -> None:
    with database.transaction() as tx:
        user = new_user(tx, "kms")
        secret = start_session(tx, user.id, TOWN)
        conn, now = tx.connection, tx.now
        alive = session_of(conn, secret, now)
        assert alive and (alive.user, alive.tenant) == (user.id, TOWN)
        assert session_of(conn, secret + "x", now) is None and session_of(conn, "", now) is None
        assert session_of(conn, secret, now + IDLE) and session_of(conn, secret, now + IDLE + timedelta(seconds=1)) is None
        assert not alive.untouched(now) and alive.untouched(now + timedelta(minutes=2))
        touch(tx, alive)
        assert session_of(conn, secret, now + ABSOLUTE + timedelta(seconds=1)) is None
        assert end_sessions_of(tx, user.id) == 1 and session_of(conn, secret, now) is None


def test_a_link_is_good_once_for_its_kind_and_time(database: Database) -> None:
    with database.transaction() as tx:
        user = new_user(tx, "kms")
        secret = new_link(tx, "setup", timedelta(hours=1), user=user.id)
        state = new_link(tx, "oidc", timedelta(minutes=1), data={"nonce": "x"})
        with pytest.raises(Refused):
            use_link(tx, "oidc", secret)
    with database.transaction() as tx:
        assert use_link(tx, "oidc", state)["data"] == {"nonce": "x"}
        with pytest.raises(Refused, match="gilt nicht mehr"):
            use_link(tx, "oidc", state)
        assert use_link(tx, "setup", new_link(tx, "setup", timedelta(hours=1), user=user.id))["user"] == user.id
        with pytest.raises(Refused):
            use_link(tx, "setup", secret)


def test_the_first_person_may_everything_and_comes_once(database: Database) -> None:
    with database.transaction() as tx:
        login, secret = people.first_link(tx, [TOWN, "nord"], "anna") or ("", "")
        again = people.first_link(tx, [TOWN, "nord"], "anna")
        assert login == "anna" and again and again[1] != secret, "nobody has a password yet: another link"
        user = user_by_login(tx.connection, "anna")
        assert user and {one.roles for one in grants_of(tx.connection, user.id)} == {frozenset(Role)}
        assert people.first_link(tx, [TOWN], "berta") is None
        change_user(tx, user.id, password="$argon2id$x")
        assert people.first_link(tx, [TOWN], "anna") is None
        assert [one.action for one in entries(tx.connection, TOWN)] == ["user.invited"]


# ---- what the screens count ------------------------------------------------------------------------------------------


def test_the_figures_count_what_a_viewer_may_see(database: Database, blobs: Blobs) -> None:
    with database.transaction() as tx:
        plan(tx)
    open_ones = put_stack(database, blobs, [2, 1])
    put_stack(database, blobs, [3], access_class="Vertraulich")
    with database.transaction() as tx:
        review.approve(tx, open_ones[0], 2, "kms", {"entry": "962.10"})
    with database.read() as conn:
        whole, part = figures.today(conn, EVERYTHING), figures.today(conn, NARROW)
        assert (whole.deliveries, whole.pages, whole.decided, whole.filed) == (2, 6, 1, 0)
        assert (part.deliveries, part.pages, part.decided) == (1, 3, 1)
        assert waiting_for(conn, EVERYTHING).documents == 2 and waiting_for(conn, NARROW).documents == 1 < MANY
        waits = figures.oldest(conn, NARROW)
        assert waits and waits.document == open_ones[1]
        assert figures.automatic_share(conn, EVERYTHING).share is None
        days = figures.per_day(conn, EVERYTHING)
        assert len(days) == figures.DAYS and days[-1][1:] == (3, 0) and sum(came for _, came, _ in days) == 3
        assert sum(number for _, number in figures.pages_per_hour(conn, NARROW)) == 3
        assert figures.load_per_office(conn, NARROW) == [(figures.NOBODY, 1)]


def test_the_inbox_filters_on_both_databases(database: Database, blobs: Blobs) -> None:
    (document,) = put_stack(database, blobs, [1])
    put_stack(database, blobs, [1], access_class="Vertraulich")
    with database.read() as conn:
        counted = {tab: len(inbox(conn, EVERYTHING, tab)) for tab in Filter}
        assert counted == {Filter.ALL: 2, Filter.TODAY: 2, Filter.WORKING: 0, Filter.CHECK: 2, Filter.UNCLEAR: 0,
                           Filter.TWINS: 0, Filter.DONE: 0}
        (mine,) = inbox(conn, NARROW)
        assert (mine.line.name, mine.media_type, mine.done, mine.total) == ("stapel.pdf", "application/pdf", 0, 1)
        assert inbox(conn, EVERYTHING, source="anderer") == ()
        before = fingerprint(conn, NARROW)
    with database.transaction() as tx:
        review.reject(tx, document, 2, "kms")
    with database.read() as conn:
        assert len(inbox(conn, EVERYTHING, Filter.DONE)) == 1 and fingerprint(conn, NARROW) != before


def test_entries_about_what_is_hidden_are_hidden(database: Database, blobs: Blobs) -> None:
    (seen,), (secret,) = put_stack(database, blobs, [1]), put_stack(database, blobs, [1], access_class="Vertraulich")
    with database.transaction() as tx:
        review.reject(tx, seen, 2, "kms")
        review.clarify(tx, secret, 2, "kms", "Frage")
    with database.read() as conn:
        numbers = history.newest_entries(conn, TOWN, 10)
        said = list(entries(conn, TOWN))
        assert numbers == sorted(numbers, reverse=True) and len(history.entry_texts(conn, TOWN, numbers)) == len(said)
        subjects = [pair for one in said for pair in one.subjects.items()]
        hidden = history.hidden_subjects(conn, NARROW, subjects)
        assert secret in hidden and seen not in hidden and history.hidden_subjects(conn, EVERYTHING, subjects) == frozenset()
        delivery = get_document(conn, secret).delivery
        assert history.documents_ever(conn, NARROW, delivery) == []
        assert history.documents_ever(conn, EVERYTHING, delivery) == [secret] and history.numbers_about(conn, TOWN, [seen])
