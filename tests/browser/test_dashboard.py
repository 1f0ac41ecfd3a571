"""The dashboard in a real Chromium: who cannot see it, has a phone, no mouse or no script, or reads Chinese."""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import DESK, PHONE, window
from tests.browser.showcase import ATTACKS
from tests.databases import Registries
from tests.registry.registry_steps import add, everyone, voice
from tests.web.stage import NOW, Stage, staged
from voicekeeper.core.shown import printable
from voicekeeper.core.voice import Intent

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGES = {
    "overview": "/",
    "account": "/?account=studio",
    "voices": "/voices",
    "attacks": "/voices?q=attack",
    "nothing-found": "/voices?q=nothing",
    "voice": "/voices/studio/voice-of-anna-1",
    "attacked": "/voices/main/attack-00-voice",
    "lost": "/voices/studio/gone-voice-1",
    "sign-in": "/sign-in",
}
#: How the pages are looked at, and which of them.
LOOKS = {
    "desk-light-en": ({"viewport": DESK, "color_scheme": "light", "locale": "en-GB"}, list(PAGES)),
    "phone-dark-zh": (
        {"viewport": PHONE, "color_scheme": "dark", "locale": "zh-CN"},
        ["overview", "attacks", "voice", "attacked", "sign-in"],
    ),
}


def elsewhere(html: str) -> str:
    """Return the address of a page of another site."""
    return f"data:text/html,{quote(html)}"


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_for_everybody(browser: Browser, bad_day: Stage, look: str) -> None:
    """Somebody could not read a page: too little contrast, no name for a button, or wider than a phone."""
    async with window(browser, str(bad_day.client.base_url).rstrip("/"), **LOOKS[look][0]) as shown:
        await shown.sign_in()
        for name in LOOKS[look][1]:
            await shown.go(PAGES[name])
            await shown.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert await shown.violations() == [], name
            assert await shown.overflow() <= 0, name
            await shown.shoot(f"{name}-{look}")


async def test_a_phone_in_daylight(browser: Browser, bad_day: Stage) -> None:
    """Half of a page would lie beyond the edge of the screen that people have at hand at night."""
    async with window(browser, str(bad_day.client.base_url).rstrip("/"), viewport=PHONE) as shown:
        await shown.sign_in()
        for name, path in PAGES.items():
            await shown.go(path)
            assert await shown.overflow() <= 0, name
            await shown.shoot(f"{name}-phone-light-en")


async def test_labels_that_are_attacks(browser: Browser, bad_day: Stage) -> None:
    """A label that somebody chose in the owner's application would act for whoever looks at it."""
    async with window(browser, str(bad_day.client.base_url).rstrip("/")) as shown:
        await shown.sign_in()
        for path in ("/", "/voices?q=attack", *(f"/voices/main/attack-{number:02}-voice" for number in range(3))):
            page = await shown.go(path)
            assert "owned" not in await page.title()
            assert await page.locator("main script, main img, main style, main [onload], main [onfocus]").count() == 0
        await shown.go("/voices?q=attack")
        labels = await shown.page.locator(".label bdi").all_text_contents()
        assert labels == [printable(label) for label in ATTACKS]
        boxes = await shown.page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
        assert max(boxes) < 200, "a long label hides the others"
        await shown.go("/voices?q=%3Cb%3Ebold")
        await shown.page.get_by_role("link", name="<b>bold</b>").click()
        await expect(shown.page.get_by_role("heading", level=1)).to_contain_text("<b>bold</b>&amp;/?#%2e\"'-1")


async def test_landmarks_and_names(browser: Browser, bad_day: Stage) -> None:
    """A screen reader would read one long text, and say nothing of the picture."""
    async with window(browser, str(bad_day.client.base_url).rstrip("/")) as shown:
        await shown.sign_in()
        page = shown.page
        for role in ("banner", "main", "contentinfo"):
            await expect(page.get_by_role(role)).to_have_count(1)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        await expect(page.get_by_role("region", name="The next seven days")).to_be_visible()
        pictures = [one.get_attribute("aria-label") for one in await page.get_by_role("img").all()]
        assert all([await label for label in pictures])
        await page.get_by_text("The same as a table").click()
        await expect(page.get_by_role("columnheader", name="least to spare")).to_be_visible()
        await expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")


async def test_light_and_dark(browser: Browser, bad_day: Stage) -> None:
    """Who works at night would be blinded, or see dark on dark."""
    grounds = []
    for scheme in ("light", "dark"):
        async with window(browser, str(bad_day.client.base_url).rstrip("/"), color_scheme=scheme) as shown:
            page = await shown.go("/")
            grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
            await shown.shoot(f"overview-desk-{scheme}")
    assert grounds == ["rgb(245, 247, 247)", "rgb(14, 20, 19)"]


async def test_a_decision_with_the_keyboard_alone(browser: Browser, registries: Registries, tmp_path: Path) -> None:
    """Who uses no mouse could not decide, or would lose their place."""
    async with staged(tmp_path, registries.migrated("sqlite")) as stage:
        add(stage.app.database, "voice-one-1", "voice-two-2", cloned_at=NOW, intent=Intent.HOLD)
        async with window(browser, str(stage.client.base_url).rstrip("/")) as shown:
            await shown.sign_in()
            page = await shown.go("/voices")
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.id") == "main"
            await page.get_by_role("checkbox", name="Choose main/voice-one-1").focus()
            await page.keyboard.press("Space")
            await page.get_by_role("button", name="Keep").focus()
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Tab")
            assert await page.evaluate(outline) == "solid", "the focus can be seen"
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("heading", name="Keep 1 voice?")).to_be_visible()
            assert await shown.violations() == []
            await shown.shoot("confirm-desk-light-en")
            await page.get_by_role("button", name="Keep and pay").press("Enter")
            await expect(page.get_by_role("status")).to_have_text("To be kept: 1.")
        intents = {one.voice_id: one.intent for one in everyone(stage.app.database)}
        assert intents == {"voice-one-1": Intent.KEEP, "voice-two-2": Intent.HOLD}


async def test_everything_without_a_script(browser: Browser, registries: Registries, tmp_path: Path) -> None:
    """A browser that runs no scripts could not sign in or decide."""
    async with staged(tmp_path, registries.migrated("sqlite")) as stage:
        add(stage.app.database, "voice-one-1", cloned_at=NOW)
        async with window(browser, str(stage.client.base_url).rstrip("/"), java_script_enabled=False) as shown:
            await shown.sign_in()
            page = await shown.go("/voices/main/voice-one-1")
            await page.get_by_role("button", name="Release").click()
            await page.get_by_role("button", name="Release, let them go").click()
            await expect(page.get_by_role("status")).to_have_text("Released: 1.")
            await page.get_by_role("button", name="Sign out").click()
            await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
        assert voice(stage.app.database, "voice-one-1").intent is Intent.RELEASE


async def test_the_language_switch(browser: Browser, bad_day: Stage) -> None:
    """The switch would lose the filter, or the choice."""
    async with window(browser, str(bad_day.client.base_url).rstrip("/"), locale="zh-CN") as shown:
        page = await shown.go("/voices?status=lost")
        await expect(page.get_by_role("heading", level=1)).to_have_text("音色")
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Voices")
        await expect(page.get_by_label("Status")).to_have_value("lost")
        await page.get_by_role("link", name="Overview").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def test_a_link_in_a_mail_finds_the_session(browser: Browser, registries: Registries, tmp_path: Path) -> None:
    """Who follows an alert's link from another site would have to sign in each time."""
    async with staged(tmp_path, registries.migrated("sqlite"), listen="0.0.0.0:0") as stage:
        add(stage.app.database, "voice-one-1", cloned_at=NOW)
        ours = str(stage.client.base_url).rstrip("/")
        async with window(browser, ours) as shown:
            await shown.sign_in()
            await shown.page.goto(elsewhere(f'<a href="{ours}/voices/main/voice-one-1">here</a>'))
            await shown.page.get_by_text("here").click()
            await expect(shown.page.get_by_role("heading", level=1)).to_contain_text("voice-one-1")
            assert len(shown.troubles) == 1, "the page in between, which browsers call an error"
            shown.troubles.clear()


async def test_another_site_cannot_decide(browser: Browser, registries: Registries, tmp_path: Path) -> None:
    """A page that its reader has open beside the dashboard could release all voices."""
    async with staged(tmp_path, registries.migrated("sqlite")) as stage:
        add(stage.app.database, "voice-one-1", cloned_at=NOW)
        ours = str(stage.client.base_url).rstrip("/")
        async with window(browser, ours) as shown:
            await shown.sign_in()
            csrf = await shown.page.locator('input[name="csrf"]').first.get_attribute("value")
            fields = {"csrf": csrf, "wish": "release", "sure": "yes", "voice": everyone(stage.app.database)[0].id}
            inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
            form = f'<form method="post" action="{ours}/decide">{inputs}<button>win</button></form>'
            await shown.page.goto(elsewhere(form))
            await shown.page.get_by_text("win").click()
            await expect(shown.page.get_by_text("from another site")).to_be_visible()
            shown.troubles.clear()
        assert voice(stage.app.database, "voice-one-1").intent is Intent.KEEP
        assert stage.wakes == []
