"""Registering, listing, looking and deciding over HTTP, on every kind of registry."""

import asyncio
from dataclasses import fields
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from tests.registry.registry_steps import add, change, try_once
from tests.web.stage import BEARER, NEW, NOW, Stage
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import pages
from voicekeeper.registry import voices as table
from voicekeeper.registry.voices import NewVoice

HOUR = timedelta(hours=1)
STRANGE = ("a/b", "..", "a%2Fb", "?x=1#y", "声音-1", "a b", "a+b", "%", "a\\b", "'; --")


async def walk(stage: Stage, path: str, key: str = "voices", **query: str | int) -> list[dict[str, Any]]:
    """Go through all pages of a list."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (await stage.get(path, params={**query, **({"cursor": cursor} if cursor else {})})).json()
        found += page[key]
        cursor = page["next"]
        if cursor is None:
            return found


async def test_registering_twice_is_registering_once(every_stage: Stage) -> None:
    """An application that repeats a request whose answer was lost would get an error, or a second voice."""
    first, second = await every_stage.post(), await every_stage.post()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    voice = first.json()["voice"]
    assert {name: voice[name] for name in NEW} == NEW
    assert set(voice) == {field.name for field in fields(Voice)}
    assert first.headers["location"] == "/api/voices/main/voice-one-1"
    assert len(every_stage.wakes) == 1, "only what is new is worth a sweep"


async def test_many_at_once_register_one(every_stage: Stage) -> None:
    """Two requests at the same moment would end in a 500 or in two rows."""
    answers = await asyncio.gather(*(every_stage.post() for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len(await walk(every_stage, "/api/voices")) == 1


async def test_a_decision_survives_the_same_registration(stage: Stage) -> None:
    """The application's repeated request would undo what a person decided meanwhile."""
    await stage.post({**NEW, "label": "first", "priority": 1})
    await stage.patch("main/voice-one-1", {"intent": "hold"})
    again = await stage.post({**NEW, "label": "second", "intent": "keep"})
    assert again.status_code == 200
    assert (again.json()["voice"]["intent"], again.json()["voice"]["label"]) == ("hold", "first")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"cloned_at": "2026-11-20T11:05:00Z"}, 200),
        ({"cloned_at": "2026-11-20T19:00:00+08:00"}, 200),
        ({"cloned_at": "2026-11-20T11:05:01Z"}, 409),
        ({"cloned_at": "2026-11-20T10:54:59Z"}, 409),
        ({"origin": "design"}, 409),
        ({"deadline": "2026-11-25T00:00:00Z"}, 409),
        ({"deadline": "2026-11-27T11:04:00Z"}, 200),
    ],
)
async def test_what_contradicts_the_registry_is_told(stage: Stage, sent: dict[str, str], status: int) -> None:
    """A second clone under an old name would be taken for the first, and its deadline would be wrong."""
    await stage.post({**NEW, "deadline": "2026-11-27T11:00:00Z"})
    again = await stage.post({**NEW, **sent})
    assert again.status_code == status
    assert again.json().get("differs", {}).keys() == (sent.keys() if status == 409 else set())


async def test_a_passed_deadline_is_warned_of(stage: Stage) -> None:
    """Somebody who registers too late would learn of it from the loss."""
    done = await stage.post({**NEW, "cloned_at": "2026-11-01T00:00:00Z"})
    assert done.status_code == 201
    assert "deadline passed" in done.json()["warnings"][0]


@pytest.mark.parametrize("voice_id", STRANGE)
async def test_any_name_can_be_asked_for(every_stage: Stage, voice_id: str) -> None:
    """A voice that another program has inserted could be seen in the list and nowhere else."""
    every_stage.add(voice_id)
    path = f"/api/voices/main/{quote(voice_id, safe='').replace('.', '%2E')}"
    found = await every_stage.get(path)
    assert found.json()["voice"]["voice_id"] == voice_id
    changed = await every_stage.client.patch(path, json={"label": "x"}, headers=BEARER)
    assert (changed.json()["voice_id"], changed.json()["label"]) == (voice_id, "x")


async def test_pages_show_each_voice_once_whatever_is_inserted(every_stage: Stage) -> None:
    """A program that walks the pages would miss voices, or work some twice."""
    names = [f"voice-{number:03}" for number in range(25)]
    every_stage.add(*names)
    first = (await every_stage.get("/api/voices?limit=10")).json()
    every_stage.add("another-one")
    rest = await walk(every_stage, "/api/voices", limit=10, cursor=first["next"])
    shown = [voice["voice_id"] for voice in first["voices"]]
    second = (await every_stage.get(f"/api/voices?limit=10&cursor={first['next']}")).json()
    assert shown == names[:10]
    assert [voice["voice_id"] for voice in second["voices"]] == names[10:20]
    assert "another-one" in {voice["voice_id"] for voice in rest}


async def test_a_page_behind_the_end_is_empty(every_stage: Stage) -> None:
    """The last page of a list whose length is a multiple of the page's would end in an error."""
    every_stage.add("voice-one-1", "voice-two-2")
    whole = (await every_stage.get("/api/voices?limit=2")).json()
    assert (len(whole["voices"]), whole["next"]) == (2, None)
    assert (await every_stage.get("/api/voices?cursor=999999999999999999")).json() == {"voices": [], "next": None}


async def test_filters(every_stage: Stage) -> None:
    """A list would show what was not asked for, or hide what was."""
    every_stage.add("kept-one", "Label-one", label="Customer 7")
    every_stage.add("held-one", intent=Intent.HOLD, label="customer 8")
    every_stage.add("near-one", deadline=NOW + HOUR)
    every_stage.add("far-one", deadline=NOW + 100 * HOUR)
    every_stage.add("others", account="spare", label="50%_")
    with every_stage.app.database.transaction() as connection:
        kept = "UPDATE voices SET status = 'kept', kept_at = cloned_at WHERE voice_id = 'kept-one'"
        connection.execute(text(kept))

    async def names(**query: str) -> set[str]:
        return {voice["voice_id"] for voice in await walk(every_stage, "/api/voices", limit=1, **query)}

    assert await names(status="kept") == {"kept-one"}
    assert await names(account="spare") == {"others"}
    assert await names(intent="hold") == {"held-one"}
    assert await names(label="Customer") == {"kept-one", "Label-one"}
    assert await names(label="50%_") == {"others"}
    assert await names(label="5_%") == set()
    assert await names(due_within="2h") == {"near-one", "Label-one", "held-one", "others"}, "unplanned ones may be near"
    assert await names(due_within="2h", account="spare", status="waiting") == {"others"}


async def test_a_filter_looks_at_so_many_rows_at_most(every_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare status among a million voices would cost a pass over the table, for each page."""
    monkeypatch.setattr(pages, "WINDOW", 10)
    every_stage.add(*(f"voice-{number:03}" for number in range(35)))
    every_stage.add("held-one", intent=Intent.HOLD)
    first = (await every_stage.get("/api/voices?intent=hold")).json()
    assert first["voices"] == []
    assert first["next"] is not None
    (found,) = await walk(every_stage, "/api/voices", intent="hold")
    assert found["voice_id"] == "held-one"


async def test_one_voice_with_its_attempts(every_stage: Stage) -> None:
    """Somebody who asks what happened to a voice would have to look into the database."""
    database = every_stage.app.database
    for name, outcomes in (("voice-one-1", (Outcome.REFUSED, Outcome.KEPT)), ("voice-two-2", (Outcome.KEPT,))):
        add(database, name, cloned_at=NOW - HOUR)
        for outcome in outcomes:
            change(database, name, due_at=NOW)
            try_once(database, outcome, NOW)
    found = (await every_stage.get("/api/voices/main/voice-one-1")).json()
    assert found["voice"]["status"] == "kept"
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["kept", "refused"]
    listed = await walk(every_stage, "/api/attempts", key="attempts", limit=1)
    assert [(one["voice_id"], one["outcome"]) for one in listed] == [
        ("voice-two-2", "kept"),
        ("voice-one-1", "kept"),
        ("voice-one-1", "refused"),
    ]
    assert len(await walk(every_stage, "/api/attempts", key="attempts", outcome="kept")) == 2
    assert await walk(every_stage, "/api/attempts", key="attempts", account="spare") == []
    assert await walk(every_stage, "/api/attempts", key="attempts", since="2026-11-21T00:00:00Z") == []
    assert len(await walk(every_stage, "/api/attempts", key="attempts", since="2026-11-20T12:00:00Z")) == 3


async def test_changing_ones_mind(every_stage: Stage) -> None:
    """A decision made over HTTP would not be what the keeper reads, or would undo another one."""
    every_stage.add("voice-one-1", label="old")
    held = await every_stage.patch("main/voice-one-1", {"intent": "hold", "priority": 7})
    assert (held.status_code, held.json()["intent"], held.json()["priority"]) == (200, "hold", 7)
    assert held.json()["label"] == "old"
    emptied = await every_stage.patch("main/voice-one-1", {"label": ""})
    assert (emptied.json()["label"], emptied.json()["intent"]) == ("", "hold")
    assert len(every_stage.wakes) == 2, "what is wanted again may be due at once"


async def test_nothing_is_left_to_decide_for_a_kept_voice(every_stage: Stage) -> None:
    """Somebody would believe that a voice that is paid for was released."""
    every_stage.app.database.call(table.adopt, [NewVoice(account="main", voice_id="voice-one-1", cloned_at=NOW)], NOW)
    refused = await every_stage.patch("main/voice-one-1", {"intent": "release", "label": "gone"})
    assert refused.status_code == 409
    assert "kept and paid for" in refused.json()["detail"]
    stands = (await every_stage.get("/api/voices/main/voice-one-1")).json()["voice"]
    assert (stands["intent"], stands["label"], stands["status"]) == ("keep", "", Status.KEPT)
    assert (await every_stage.patch("main/voice-one-1", {"label": "still mine"})).status_code == 200


async def test_accounts_with_what_they_hold(every_stage: Stage) -> None:
    """A program could not see that an account is paused, or how near its next deadline is."""
    every_stage.add("voice-one-1", deadline=NOW + HOUR)
    every_stage.add("voice-two-2", deadline=NOW + HOUR / 2, intent=Intent.RELEASE)
    await every_stage.counted()
    (account,) = (await every_stage.get("/api/accounts")).json()["accounts"]
    assert (account["name"], account["provider"], account["state"]) == ("main", "minimax-cn", "open")
    assert account["voices"] == {"waiting": 2, "kept": 0, "lost": 0, "released": 0}
    assert account["next_deadline"] == "2026-11-20T13:00:00Z", "a released voice is let go"
    assert "fingerprint" not in account
