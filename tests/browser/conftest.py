"""A real browser (Debian's Chromium) before a real server of ours; skipped aloud where Chromium is not installed."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from intake.db.sessions import start_session
from tests.web_help import TOWN, WebSite, web_site

SHOTS = Path(__file__).parent / "shots"
"""Screenshots for people to look at; git-ignored, kept until the next run."""
expect.set_options(timeout=15_000)  # a busy machine is no failure


@dataclass
class Live:
    """A running site: `site` with its database, `url` where it answers."""

    site: WebSite
    url: str


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless. It ends with this folder: as long as it lives an event loop runs here, which the engine's
    tests do not bear."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("Chromium is not installed (apt-get install chromium): the screens are not tested")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A fresh installation served on loopback; tests bring their own documents."""
    site = web_site(tmp_path_factory.mktemp("browser") / "home")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield Live(site, f"http://127.0.0.1:{listener.getsockname()[1]}")
        server.should_exit = True
        thread.join(10)
    site.db.close()


Open = Callable[..., Page]


@pytest.fixture
def as_person(chromium: Browser, live: Live) -> Iterator[Open]:
    """Call it with a login (and a size) for a page in which that person is signed in; errors on the page fail the test."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def opened(login: str = "alles", width: int = 1920, height: int = 1080) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="de-DE")
        contexts.append(context)
        with live.site.db.transaction() as tx:
            secret = start_session(tx, live.site.users[login], TOWN)
        context.add_cookies([{"name": "poststelle", "value": secret, "url": live.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: trouble.append(f"{page.url}: {error}"))
        page.on("console", lambda said: trouble.append(f"{page.url}: {said.text}")
                if "Content Security" in said.text else None)
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Call it to keep a screenshot under a name."""
    SHOTS.mkdir(exist_ok=True)

    def keep(page: Page, name: str) -> None:
        size = page.viewport_size or {"width": 0}
        page.screenshot(path=SHOTS / f"{name}-{size['width']}.png")

    return keep
