"""A real Chromium, the dashboard of a registry on a bad day, and what every page is asked for."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.showcase import CONFIGURATION, fill
from tests.databases import Registries
from tests.web.stage import NOW, TOKEN, Stage, staged

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@dataclass
class Window:
    """One browser window on a dashboard, and everything that went wrong in it."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)

    async def go(self, path: str) -> Page:
        await self.page.goto(self.url + path)
        return self.page

    async def sign_in(self, token: str = TOKEN) -> None:
        await self.go("/sign-in")
        await self.page.fill("#token", token)
        await self.page.press("#token", "Enter")
        await self.page.wait_for_url(self.url + "/")

    async def shoot(self, name: str) -> None:
        """Keep a screenshot of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    async def violations(self) -> list[str]:
        """Return what axe finds wrong with the page, for whoever does not see it or uses no mouse."""
        found: dict[str, Any] = await Axe().run(self.page)
        return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]

    async def overflow(self) -> int:
        """Return by how much the page is wider than its window."""
        wider: int = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wider

    def watch(self) -> None:
        """Note errors, scripts that open something, and whatever is asked for elsewhere."""
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(dialog.message))
        self.page.on("request", self._note_foreign)

    def _note_foreign(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.troubles.append(f"asks for {request.url}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as Debian packages it."""
    program = shutil.which("chromium")
    if program is None:
        reason = "no Chromium: install Debian's package chromium"
        if os.environ.get("VOICEKEEPER_TEST_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield launched
        await launched.close()


@asynccontextmanager
async def window(browser: Browser, url: str, **look: Any) -> AsyncIterator[Window]:
    """Open a window with a session of its own; at its end nothing may have gone wrong in it."""
    context: BrowserContext = await browser.new_context(**{"viewport": DESK, "locale": "en-GB", **look})
    try:
        opened = Window(await context.new_page(), url)
        opened.watch()
        yield opened
        assert opened.troubles == []
    finally:
        await context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bad_day(registries: Registries, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A registry with something of everything, in which no test changes anything."""
    folder = tmp_path_factory.mktemp("bad-day")
    async with staged(folder, registries.migrated("sqlite"), more=CONFIGURATION) as stage:
        fill(stage)
        stage.face.health.swept_at = NOW
        await stage.counted()
        yield stage
