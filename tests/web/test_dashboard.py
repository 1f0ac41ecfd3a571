"""The dashboard's pages over HTTP: what they show, and what is done with their forms."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.databases import Registries
from tests.registry.registry_steps import add, change, everyone, try_once, voice
from tests.web.stage import NOW, TOKEN, Stage, staged
from tests.web.visitor import Visitor, text_of
from voicekeeper.core import alert as alerts
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import outbox, pages
from voicekeeper.registry.pages import WINDOW

HOUR = timedelta(hours=1)
PRICED = """
[accounts.priced]
provider = "minimax-cn"
base_url = "http://127.0.0.1:9"
api_key = "sk-test"
price_per_voice = 9.9
currency = "CNY"
budget_per_day = 20
"""


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    stage.face.health.swept_at = NOW
    return Visitor(stage)


def need_lines(page: str) -> list[str]:
    """Return what needs somebody, line by line."""
    return [text_of(line) for line in re.findall(r'<li class="need .*?</li>', page, re.DOTALL)]


async def test_an_empty_registry_needs_nobody(visitor: Visitor) -> None:
    """A new installation would look broken, or alarm for nothing."""
    await visitor.stage.counted()
    page = await visitor.see()
    assert need_lines(page) == []
    assert "Nothing. Every voice is kept, or on its way." in text_of(page)


async def test_before_the_first_count(visitor: Visitor) -> None:
    """A page that is asked for too early would say that nothing is wrong."""
    await visitor.stage.counted()
    visitor.stage.face.census.figures = None
    page = text_of(await visitor.see())
    assert "being counted for the first time" in page
    assert "Nothing. Every voice" not in page


async def test_what_needs_somebody(every_stage: Stage) -> None:
    """What is about to be lost would not be seen on the page that is there for it."""
    stage, database = every_stage, every_stage.app.database
    add(database, "near", deadline=NOW + 23 * HOUR, cloned_at=NOW - HOUR)
    add(database, "far", deadline=NOW + 26 * HOUR, cloned_at=NOW - HOUR)
    add(database, "past", deadline=NOW - 2 * HOUR, cloned_at=NOW - 90 * HOUR)
    add(database, "held", deadline=NOW + 70 * HOUR, cloned_at=NOW - HOUR, intent=Intent.HOLD)
    add(database, "gone", "gone-long-ago", deadline=NOW - HOUR, cloned_at=NOW - 300 * HOUR)
    change(database, "gone", status="lost")
    change(database, "gone-long-ago", status="lost", deadline=NOW - 200 * HOUR)
    add(database, "stranger", account="nobody", cloned_at=NOW)
    add(database, "let-go", deadline=NOW + HOUR, cloned_at=NOW - HOUR, intent=Intent.RELEASE)
    stage.add("unplanned")
    await stage.counted()
    assert need_lines(await Visitor(stage).see()) == [
        "Urgent Account nobody is not configured, but has waiting voices: 1. They cannot be kept. Show them",
        "Urgent Lost in the last 7 days: 1. They have to be cloned again. Show them",
        "Urgent Past the deadline and not kept: 1. They are still tried. Show them",
        "Look No sweep has been completed since voicekeeper was started.",
        "Look Deadline within 24 hours, not kept yet: 1. Show them",
        "Look On hold, with a deadline within 72 hours: 1. They are lost then unless you decide. Show them",
        "Note Due for a while and not called yet: 2. They are in line, the earliest deadline first. Show them",
        "Note Registered, but not planned yet: 1. The next sweep does it. Show them",
    ]


async def test_where_a_need_leads(visitor: Visitor) -> None:
    """The link would show other voices than those that were counted."""
    database = visitor.stage.app.database
    add(database, "near", deadline=NOW + 23 * HOUR, cloned_at=NOW - HOUR)
    add(database, "far", deadline=NOW + 26 * HOUR, cloned_at=NOW - HOUR)
    await visitor.stage.counted()
    link = re.findall(r'<li class="need warn">.*?href="(.*?)"', await visitor.see(), re.DOTALL)
    assert link == ["./voices?status=waiting&amp;due_within=24h"]
    found = text_of(await visitor.see("/voices?status=waiting&due_within=24h"))
    assert "main/near" in found
    assert "main/far" not in found


async def test_a_stale_sweep_and_a_broken_registry(visitor: Visitor) -> None:
    """A daemon that keeps nothing would look like one that has nothing to do."""
    await visitor.stage.counted()
    visitor.stage.clock.move(timedelta(minutes=11))
    assert "The last sweep is too long ago: it ended 11m ago" in need_lines(await visitor.see())[0]
    visitor.stage.face.health.problem = "the disk is <full>"
    assert need_lines(await visitor.see()) == ["Urgent The registry cannot be worked with: the disk is <full>"]


async def test_a_paused_account(visitor: Visitor) -> None:
    """Nobody would top up the account whose balance is used up."""
    database = visitor.stage.app.database
    add(database, "voice-one-1", cloned_at=NOW - HOUR)
    try_once(database, Outcome.BLOCKED, NOW)
    await visitor.stage.counted()
    assert "Open alerts: 1 Critical Account main is paused" in text_of(await visitor.see())
    assert "Account main is paused, and its next deadline is in 6d 23h. the provider said so" in text_of(
        await visitor.see()
    )


async def test_an_account_that_is_too_slow(tmp_path: Path, registries: Registries) -> None:
    """The picture would show that not all can be kept, but not whose rate or budget is to be raised."""
    async with staged(tmp_path, registries.migrated("sqlite"), more=PRICED) as stage:
        many = [f"voice-{number}" for number in range(30)]  # two a day can be paid, on three days
        add(stage.app.database, *many, account="priced", cloned_at=NOW, deadline=NOW + 48 * HOUR)
        stage.face.health.swept_at = NOW
        await stage.counted()
        page = await Visitor(stage).see()
        assert need_lines(page) == [
            "Urgent Account priced cannot reach all in time at its present rate and budget: 24 too late. Show them"
        ]
        assert "24 cannot be reached in time" in text_of(page)
        calm = text_of(await Visitor(stage).see("/?account=main"))
        assert "Nothing. Every voice is kept" in calm
        assert "Account priced" not in calm


async def test_the_week_as_a_table(visitor: Visitor) -> None:
    """Whoever does not see the picture would not know what comes."""
    add(visitor.stage.app.database, "one", "two", cloned_at=NOW - HOUR)
    change(visitor.stage.app.database, "two", due_at=NOW + 13 * HOUR)
    await visitor.stage.counted()
    page = await visitor.see()
    assert "All 2 can be kept in time; the tightest then has 6d 10h to spare." in text_of(page)
    table = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", page)
    assert [text_of(row) for row in table[:3]] == [
        "2026-11-20 1 1 0 6d 23h",
        "2026-11-21 1 1 0 6d 10h",
        "2026-11-22 0 0 0 –",
    ]


async def test_a_voice_with_its_history(every_stage: Stage) -> None:
    """What was tried, answered, paid and told would have to be looked up in the database."""
    stage, database = every_stage, every_stage.app.database
    add(database, "voice-one-1", label="Anna", cloned_at=NOW - HOUR)
    change(database, "voice-one-1", due_at=NOW - HOUR)
    try_once(database, Outcome.TRANSIENT, NOW - HOUR)
    change(database, "voice-one-1", due_at=NOW)
    try_once(database, Outcome.KEPT, NOW, price=9.9, currency="CNY")
    one = voice(database, "voice-one-1")
    database.call(outbox.raise_alert, alerts.rung(one, HOUR, NOW), NOW)
    database.call(outbox.resolve, alerts.voice_key(one), NOW + HOUR)
    page = text_of(await Visitor(stage).see("/voices/main/voice-one-1"))
    assert "voice-one-1 Kept Anna" in page
    assert "failed for now the provider said so" in page
    assert "kept 9.90 CNY" in page
    assert "Voice main/voice-one-1 is not kept: less than 1h before its deadline over, after 1h" in page


async def test_a_long_history_page_by_page(visitor: Visitor) -> None:
    """A voice that was tried a hundred times would hide how it began."""
    database = visitor.stage.app.database
    add(database, "voice-one-1", cloned_at=NOW - HOUR)
    for number in range(60):
        change(database, "voice-one-1", due_at=NOW)
        try_once(database, Outcome.TRANSIENT, NOW + timedelta(seconds=number))
    first = await visitor.see("/voices/main/voice-one-1")
    (older,) = re.findall(r'<a rel="next" href="../../(.*?)"', first)
    second = await visitor.see(f"/{older}")
    times = [re.findall(r"<li>\s*<p><time datetime=\"(.*?)\"", page) for page in (first, second)]
    assert [len(page) for page in times] == [50, 10]
    assert len({*times[0], *times[1]}) == 60


async def test_the_list_page_by_page(visitor: Visitor) -> None:
    """A voice would stand on two pages, or on none; or a filter would be lost on the way to the second one."""
    names = [f"voice-{number:03}" for number in range(120)]
    add(visitor.stage.app.database, *names, label="a", cloned_at=NOW)
    add(visitor.stage.app.database, "other-voice", label="b", cloned_at=NOW)
    found, path = list[str](), "/voices?q=voice-&status=waiting"
    while path:
        page = await visitor.see(path)
        found += re.findall(r"<bdi>main/(.*?)</bdi>", page)
        following = re.findall(r'<a rel="next" href="./(.*?)"', page)
        path = "/" + following[0].replace("&amp;", "&") if following else ""
    assert found == names


async def test_choosing_a_whole_page(visitor: Visitor) -> None:
    """Fifty boxes would have to be ticked one by one, or the choice would be another page's."""
    add(visitor.stage.app.database, *(f"voice-{number:03}" for number in range(120)), cloned_at=NOW)
    await visitor.sign_in()
    page = await visitor.see("/voices?q=voice&cursor=50")
    (link,) = re.findall(r'<a href="./(voices\?[^"]*ticked=all)"', page)
    ticked = await visitor.see("/" + link.replace("&amp;", "&"))
    assert re.findall(r'name="voice" value="(\d+)" checked', ticked) == re.findall(r'name="voice" value="(\d+)"', page)
    assert 'value="voices?q=voice&amp;cursor=50"' in ticked


@pytest.mark.parametrize(("asked", "shown"), [("72h", "within 3 days"), ("0h", "has passed"), ("90m", "90m")])
async def test_the_filter_that_holds_is_shown(visitor: Visitor, asked: str, shown: str) -> None:
    """A list would be shorter than its filters say."""
    page = await visitor.see(f"/voices?due_within={asked}&status=waiting")
    chosen = re.findall(r"<option[^>]* selected>(.*?)</option>", page)
    assert chosen == ["Waiting", shown]


@pytest.mark.parametrize("asked", ["needle", "main/needle", "needl", "Nad"])
async def test_searching(visitor: Visitor, asked: str) -> None:
    """A voice could be found by its id alone, or by its label alone, or not by a part of them."""
    add(visitor.stage.app.database, "needle", label="Nadel", cloned_at=NOW)
    add(visitor.stage.app.database, *(f"hay-{number}" for number in range(60)), cloned_at=NOW)
    assert re.findall(r"<bdi>(main/.*?)</bdi>", await visitor.see(f"/voices?q={asked}")) == ["main/needle"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [("status=waiting", 1), ("status=lost", 0), ("account=main&intent=keep", 1), ("account=other", 0),
     ("intent=hold", 0), ("due_within=24h", 0), ("due_within=168h", 1)],
)  # fmt: skip
async def test_a_search_with_filters(visitor: Visitor, filters: str, found: int) -> None:
    """A voice that is named exactly would be shown although a filter leaves it out."""
    add(visitor.stage.app.database, "needle", cloned_at=NOW)
    assert (await visitor.see(f"/voices?q=needle&{filters}")).count("<bdi>main/needle</bdi>") == found


async def test_a_search_that_finds_nothing_yet(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody would take the first rows of a large registry for all of it."""
    assert WINDOW * 10 == 1_000_000, "a million voices are looked through at once"
    monkeypatch.setattr(pages, "WINDOW", 2)
    add(visitor.stage.app.database, *(f"hay-{number}" for number in range(30)), "needle-1", cloned_at=NOW)
    page = await visitor.see("/voices?q=needle")
    assert "not all voices have been looked at" in text_of(page)
    (following,) = re.findall(r'<a rel="next" href="./(.*?)"', page)
    assert "needle-1" in await visitor.see("/" + following.replace("&amp;", "&"))


async def test_deciding_about_several(every_stage: Stage) -> None:
    """Buttons would do something else than they say, or leave the keeper asleep."""
    visitor, database = Visitor(every_stage), every_stage.app.database
    add(database, "one", "two", "three", cloned_at=NOW)
    ids = {one.voice_id: one.id for one in everyone(database)}
    await visitor.sign_in()
    answer = await visitor.decide("hold", ids["one"], ids["two"], sure=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./voices?status=waiting&done=hold&n=2")
    assert [one.intent for one in everyone(database)] == [Intent.HOLD, Intent.HOLD, Intent.KEEP]
    assert len(every_stage.wakes) == 1
    await visitor.decide("release", ids["three"])
    assert voice(database, "three").intent is Intent.RELEASE
    assert "Put on hold: 2." in text_of(await visitor.see("/voices?done=hold&n=2"))


@pytest.mark.parametrize("wish", ["keep", "release", "retry"])
async def test_money_and_loss_are_asked_about(visitor: Visitor, wish: str) -> None:
    """One press too many would pay for a hundred voices, or let them go."""
    database = visitor.stage.app.database
    add(database, "one", "two", cloned_at=NOW, intent=Intent.HOLD)
    before = everyone(database)
    await visitor.sign_in()
    asked = await visitor.decide(wish, *(one.id for one in before), sure=False)
    assert asked.status_code == 200
    assert "2" in text_of(asked.text)
    assert everyone(database) == before
    assert visitor.stage.wakes == []
    assert (await visitor.decide(wish, *(one.id for one in before))).status_code == 303
    assert everyone(database) != before


async def test_what_it_will_cost(tmp_path: Path, registries: Registries) -> None:
    """Somebody would agree to a price that was not told, or was told wrong."""
    async with staged(tmp_path, registries.migrated("sqlite"), more=PRICED) as stage:
        visitor = Visitor(stage)
        add(stage.app.database, "one", "two", "paid", account="priced", cloned_at=NOW, intent=Intent.HOLD)
        change(stage.app.database, "paid", status="kept", kept_at=NOW)
        await visitor.sign_in()
        asked = await visitor.decide("keep", *(one.id for one in everyone(stage.app.database)), sure=False)
        assert "Keep 2 voices?" in text_of(asked.text)
        assert "19.80 CNY" in text_of(asked.text)
        assert "Left as they are priced/paid Kept" in text_of(asked.text)


async def test_a_lost_voice_is_tried_again(visitor: Visitor) -> None:
    """What was cloned anew under its old name could not be taken back."""
    database = visitor.stage.app.database
    add(database, "gone", cloned_at=NOW - 200 * HOUR)
    change(database, "gone", status="lost")
    await visitor.sign_in()
    await visitor.decide("retry", voice(database, "gone").id, back="voices/main/gone")
    assert voice(database, "gone").status is Status.WAITING


async def test_without_a_session_nothing_is_offered(visitor: Visitor) -> None:
    """People would press buttons that cannot work."""
    add(visitor.stage.app.database, "voice-one-1", cloned_at=NOW)
    for path in ("/voices", "/voices/main/voice-one-1"):
        page = await visitor.see(path)
        assert 'name="wish"' not in page
        assert "Sign in to keep, hold, release or retry." in text_of(page)
        await visitor.sign_in()
        assert 'name="wish"' in await visitor.see(path)
        await visitor.send("/sign-out", [("csrf", visitor.csrf)])


async def test_without_a_token_in_the_configuration(tmp_path: Path, sqlite_url: str) -> None:
    """Nobody would learn why nothing can be changed."""
    async with staged(tmp_path, sqlite_url, token=None) as stage:
        visitor = Visitor(stage)
        add(stage.app.database, "voice-one-1", cloned_at=NOW)
        for path in ("/voices", "/voices/main/voice-one-1", "/sign-in"):
            assert "serve.api_token is not set in the configuration" in text_of(await visitor.see(path))
        refused = await visitor.decide("hold", voice(stage.app.database, "voice-one-1").id)
        assert refused.status_code == 403
        assert "serve.api_token is not set" in text_of(refused.text)
        assert (await visitor.sign_in("")).status_code == 403


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"), ("en,zh;q=0.5", "en"), ("fr", "en"), ("", "en"), ("zh;q=x;;", "zh-Hans")],
)
async def test_the_browsers_language(visitor: Visitor, accepted: str, language: str) -> None:
    """A reader of Chinese would get English, or a strange header a 500."""
    assert f'<html lang="{language}">' in await visitor.see("/", **{"Accept-Language": accepted})


async def test_choosing_a_language(visitor: Visitor) -> None:
    """The choice would be forgotten with the next page."""
    assert '<html lang="zh-Hans">' in await visitor.see("/voices?status=kept&lang=zh")
    assert '<html lang="zh-Hans">' in await visitor.see("/")
    assert '<html lang="en">' in await visitor.see("/?lang=en")


async def test_links_work_below_a_path_of_a_proxy(visitor: Visitor) -> None:
    """Behind https://host/voicekeeper/ every link would lead out of it."""
    add(visitor.stage.app.database, "a/b", cloned_at=NOW)
    for path in ("/", "/voices", "/voices/main/a%2Fb", "/sign-in"):
        page = await visitor.see(path)
        assert not re.findall(r'(?:href|src|action)="(?:/|http)', page)
    assert '="../../static/' in await visitor.see("/voices/main/a%2Fb")


async def test_the_style_sheet_is_kept_by_browsers(visitor: Visitor) -> None:
    """Every page would load it again, or an old one would be taken for the new one."""
    (address,) = re.findall(r'rel="stylesheet" href="./(.*?)"', await visitor.see("/"))
    answer = await visitor.get(f"/{address}")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert (await visitor.get("/static/x/none.css")).status_code == 404


async def test_the_link_of_an_alert_leads_to_its_voice(tmp_path: Path, sqlite_url: str) -> None:
    """People would be called at night and sent to a page that is not there."""
    async with staged(tmp_path, sqlite_url, public_url="https://keeper.example.com/vk") as stage:
        add(stage.app.database, "声音/1 ?", cloned_at=NOW)
        one = voice(stage.app.database, "声音/1 ?")
        stage.app.database.call(outbox.raise_alert, alerts.rung(one, HOUR, NOW), NOW)
        (due,) = stage.app.database.call(outbox.take, NOW)
        link = stage.app.notifier._link(due)
        assert link.startswith("https://keeper.example.com/vk/voices/main/")
        visitor = Visitor(stage)
        assert "声音/1 ?" in await visitor.see(link.removeprefix("https://keeper.example.com/vk"))
        assert TOKEN not in await visitor.see("/?account=main")


LOOKED_AT = """
    / /voices /voices/main/voice-one-1 /api/voices /api/voices/main/voice-one-1
    /api/accounts /api/attempts /api/forecast /metrics /readyz
"""


@pytest.mark.parametrize("path", LOOKED_AT.split())
async def test_no_visitor_uses_what_the_keeper_looks_ahead_with(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Two slow readers of one page would hold up the end of every sweep."""
    stage.add("voice-one-1")
    await stage.counted()
    await stage.looked_ahead()
    stage.face.health.swept_at = NOW

    async def refuse(*_: object) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(stage.app.database, "read", refuse)
    assert (await stage.get(path)).status_code == 200
