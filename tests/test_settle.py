"""What an error means for a row: who must act, how long it waits, when it becomes a case for a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import fake_room
from test_pipeline import drop, opened, settled

from intake import review
from intake.db.core import Database, utcnow
from intake.db.deliveries import get_delivery
from intake.db.problems import open_problems
from intake.db.work import next_retry
from intake.errors import BoxDied, InputError, Reason, ServiceError, Stale
from intake.pipeline import Postroom
from intake.review import RESOLUTIONS
from intake.settle import WAYS_OUT, StepFailed
from intake.vocabulary import DeliveryState


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Postroom:
    return fake_room(tmp_path, database)


@pytest.mark.parametrize(("error", "word", "state"), [
    (InputError("x", reason=Reason.ENCRYPTED), "clarify", "CLARIFY"),
    (InputError("x", reason=Reason.ACTIVE), "clarify", "QUARANTINED"),
    (ServiceError("später"), "retry", "RECEIVED"),
    (Stale("zu spät"), "stale", "RECEIVED"),
    (BoxDied("tot", reason=Reason.CRASHED), "retry", "RECEIVED"),
    (StepFailed("read", ValueError("x")), "retry", "RECEIVED"),
])
def test_settle_says_what_an_error_means_for_the_row(room: Postroom, error: Exception, word: str, state: str) -> None:
    delivery = drop(room, "eins")
    assert settled(room, "delivery", delivery, "read", error) == word  # type: ignore[arg-type]
    with room.db.read() as conn:
        assert get_delivery(conn, delivery).state == state
        problems = open_problems(conn, "mittelau")
    assert len(problems) == (1 if word == "clarify" else 0)


def test_three_deaths_of_the_box_are_a_case_for_a_person(room: Postroom) -> None:
    delivery = drop(room, "eins")
    death = BoxDied("Der Lesekasten ist gestorben.", reason=Reason.TIMEOUT)
    assert [settled(room, "delivery", delivery, "read", death) for _ in range(3)] == ["retry", "retry", "clarify"]
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    assert problem.reason == Reason.TIMEOUT and problem.step == "read"


def test_a_bug_in_one_row_ends_with_a_person_too(room: Postroom) -> None:
    delivery = drop(room, "eins")
    words = [settled(room, "delivery", delivery, "read", StepFailed("read", KeyError("x"))) for _ in range(5)]
    assert words[-1] == "clarify" and "retry" in words
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    assert "Programmfehler" in problem.title and problem.detail == "read: KeyError"


def test_waiting_after_trouble_doubles_up_to_an_hour(room: Postroom) -> None:
    delivery = drop(room, "eins")
    waits = []
    for _ in range(14):
        settled(room, "delivery", delivery, "read", ServiceError("weg"))
        with room.db.read() as conn:
            soonest = next_retry(conn)
        assert soonest is not None
        waits.append(round((soonest - utcnow()).total_seconds()))
    assert waits == sorted(waits) and waits[0] < 6 and 3500 < waits[-1] <= 3600


def test_an_error_about_a_row_that_moved_on_changes_nothing(room: Postroom) -> None:
    delivery = opened(room, "eins")
    settled(room, "delivery", delivery, "read", InputError("x", reason=Reason.DAMAGED))
    with room.db.read() as conn:
        assert get_delivery(conn, delivery).state is DeliveryState.OPENED
        assert open_problems(conn, "mittelau") == ()


def test_a_death_is_forgotten_when_a_person_asks_to_try_again(room: Postroom) -> None:
    delivery = drop(room, "eins")
    death = BoxDied("Der Lesekasten ist gestorben.", reason=Reason.CRASHED)
    for _ in range(3):
        settled(room, "delivery", delivery, "read", death)
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    with room.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "retry")
    assert settled(room, "delivery", delivery, "read", death) == "retry"


def test_every_way_out_is_one_that_the_review_knows() -> None:
    assert all(set(ways) <= set(RESOLUTIONS) and "reject" in ways for ways in WAYS_OUT.values())
