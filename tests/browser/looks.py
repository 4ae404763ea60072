"""What a screen must keep whatever is on it: accessible by axe-core's rules, no sideways scrolling on a narrow screen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "intake" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
NARROW = {"width": 320, "height": 640}
"""WCAG 2.1, 1.4.10: 1280 px at 400 %."""


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is: rule, how many, the first place."""
    page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})", RULES)
    return [f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary'][:300]}"
            for one in found["violations"]]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than a narrow screen (tables may scroll in their own frame); 0 is right."""
    before = page.viewport_size
    page.set_viewport_size(NARROW)
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    if before:
        page.set_viewport_size(before)
    return max(0, wide - NARROW["width"])
