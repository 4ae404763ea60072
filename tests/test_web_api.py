"""Schemathesis on the OpenAPI of /api/v1: whatever is sent, no server error, and answers as described."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from intake.db.tokens import new_token
from tests.desk_help import put_stack
from tests.test_web_rules import routes
from tests.web_help import TOWN, WebSite, web_site

EXAMPLES = int(os.environ.get("POSTSTELLE_SCHEMATHESIS", "6"))
"""Requests tried of each operation; more with the environment variable."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("api") / "home")
    put_stack(made.db, made.blobs, [1, 2])
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def secrets(site: WebSite) -> dict[str, str]:
    """The token of a person who may everything, and that of a scanner."""
    with site.db.transaction() as tx:
        return {"person": new_token(tx, TOWN, "Skript", "", "x", user=site.users["alles"])[1],
                "scanner": new_token(tx, TOWN, "Scanner", "scanner", "x")[1]}


def test_no_server_error(site: WebSite, secrets: dict[str, str]) -> None:
    """Every operation of the description, each with what fits it and what does not."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", site.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        try_out(operation, secrets["scanner" if operation.label == "POST /api/v1/deliveries" else "person"])
    assert len(operations) >= 1


def try_out(operation: Any, secret: str) -> None:
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def once(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code < 500, f"{operation.label} {case.formatted_path}: {answer.status_code} {answer.text[:500]}"
        assert "traceback" not in answer.text.lower()

    once()


def test_the_description_has_the_api_and_nothing_else(site: WebSite) -> None:
    said = site.browser().get("/api/v1/openapi.json").json()
    ours = {route.path for route in routes(site) if route.path.startswith("/api/v1/")}
    assert set(said["paths"]) == ours
