"""What every route is given: the installation, its database, its blobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from intake.blobs import Blobs
from intake.box import Box
from intake.config import Home
from intake.db.core import Database

Compare = Callable[[str, str, str], tuple[int, int, int, int]]
"""(tenant, version, version) -> documents looked at, filed differently, of these right by the first, by the second."""


@dataclass(frozen=True, slots=True)
class Web:
    """Built once with the app."""

    home: Home
    db: Database
    blobs: Callable[[str], Blobs]
    box: Box  # draws the fine pictures of pages
    compare: Compare | None = None


def the_web(request: Request) -> Web:
    """The state of the app that answers this request."""
    return cast(Web, request.app.state.web)


WebState = Annotated[Web, Depends(the_web)]
