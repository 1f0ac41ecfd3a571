"""`verify` and `check`: what the provider's list proves, and what a keep depends on."""

import asyncio
import json
import re
from datetime import timedelta

import pytest

from tests.providers.raw_server import answer, raw_server, saying
from tests.scenarios.commands import KEY, SPARE, Emulated, Home, ago

LIST_PATH = "/v1/get_voice"


def test_verify_proves_and_names_the_differences(home: Home, emulator: Emulated) -> None:
    """If a voice that is permanent already were called all the same, its use elsewhere would be paid for nothing."""
    emulator.make("voice-used-1", "voice-stray-1", "voice-young-1")
    emulator.speak("voice-used-1")
    emulator.speak("voice-stray-1")
    home.insert("voice-used-1", "voice-young-1")
    before = len(emulator.calls())
    done = home.run("verify")
    assert done.returncode == 0, done.stderr
    assert "1 already permanent without a call of ours: voice-used-1" in done.stdout
    assert "1 at the provider, but not registered: voice-stray-1" in done.stdout
    assert home.voice("voice-used-1")["status"] == "kept"
    assert home.voice("voice-young-1")["status"] == "waiting", "not listed proves nothing"
    assert len(emulator.calls()) == before
    assert "`voicekeeper verify --register` registers it as kept, without a call and without a fee" in done.stdout
    again = home.json("verify")[0]
    assert (again["account"], again["listed"], again["unregistered"]) == ("main", 2, ["voice-stray-1"])
    assert home.sql("SELECT * FROM voices WHERE voice_id = 'voice-stray-1'") == [], "nobody asked for it"


def test_verify_registers_what_the_list_shows(home: Home, emulator: Emulated) -> None:
    """Whoever begins with voices of old would have to copy each by hand, or pay a call for what is permanent."""
    emulator.make("voice-clone-1", cloned_at=ago(days=3))
    emulator._order("POST", "/voices", {"voice_id": "voice-design-1", "key": KEY, "origin": "design"})
    emulator.make("voice-young-1")
    emulator.speak("voice-clone-1")
    emulator.speak("voice-design-1")
    before = len(emulator.calls())
    done = home.run("verify", "--register")
    assert done.returncode == 0, done.stderr
    assert "2 registered as kept: voice-clone-1, voice-design-1" in done.stdout
    assert "not registered" not in done.stdout
    home.sweep(0)
    assert len(emulator.calls()) == before, "no call, no fee"
    clone, design = home.voice("voice-clone-1"), home.voice("voice-design-1")
    for voice, origin in ((clone, "clone"), (design, "design")):
        assert (voice["status"], voice["origin"], voice["intent"]) == ("kept", origin, "keep")
        assert voice["verified_at"] == voice["kept_at"]
        assert home.outcomes(voice["voice_id"]) == []
    assert clone["cloned_at"] == f"{ago(days=3)[:10]} 00:00:00.000000", "to the day, as the list says it"
    assert home.statuses() == {"kept": 2}, "a voice that no list shows is not known of"
    again = home.run("verify", "--register")
    assert "registered" not in again.stdout


def test_verify_tells_programs_everything(home: Home, emulator: Emulated) -> None:
    """A script could not tell what was registered from what was there before, or a gateway without list from a loss."""
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.fault("http", http_status=404, path=LIST_PATH, key=SPARE)
    emulator.make("voice-kept-1", "voice-used-1", "voice-stray-1")
    home.insert("voice-kept-1", "voice-used-1")
    emulator.speak("voice-stray-1")
    emulator.speak("voice-used-1")
    home.sql("UPDATE voices SET status = 'kept', kept_at = ? WHERE voice_id = 'voice-kept-1'", ago(hours=1))
    main, spare = home.json("verify", "--register")
    assert main == {
        "account": "main",
        "reason": None,
        "blocked": False,
        "absent": False,
        "listed": 2,
        "proved": ["voice-used-1"],
        "registered": ["voice-stray-1"],
        "unregistered": [],
        "unlisted": ["voice-kept-1"],
    }
    assert (spare["listed"], spare["blocked"], spare["absent"]) == (0, False, True)
    assert "no list of voices" in spare["reason"]


def test_verify_of_a_voice_that_another_program_registers_meanwhile(home: Home, emulator: Emulated) -> None:
    """The one who verifies would be stopped half way, or the voice be called for although the list has shown it."""
    emulator.make("voice-stray-1", "voice-stray-2")
    emulator.speak("voice-stray-1")
    emulator.speak("voice-stray-2")
    # At the very moment when the first is entered, another program enters the second.
    theirs = "INSERT INTO voices (account, voice_id, cloned_at, label) VALUES ('main', 'voice-stray-2', {}, 'theirs')"
    moment = f"BEGIN {theirs.format('CURRENT_TIMESTAMP')}; END"
    home.sql(f"CREATE TRIGGER meanwhile AFTER INSERT ON voices WHEN new.voice_id = 'voice-stray-1' {moment}")
    done = home.run("verify", "--register")
    assert done.returncode == 0, done.stderr
    voice = home.voice("voice-stray-2")
    assert (voice["label"], voice["status"], voice["verified_at"] is not None) == ("theirs", "kept", True)
    assert home.statuses() == {"kept": 2}


def test_several_verify_at_the_same_time(home: Home, emulator: Emulated) -> None:
    """A timer and a person at once would stop each other, or enter a voice twice."""
    emulator.make(*(names := [f"voice-stray-{number}" for number in range(30)]))
    for name in names:
        emulator.speak(name)
    done = home.together(*[("verify", "--register")] * 3)
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    assert home.statuses() == {"kept": 30}


async def test_verify_of_names_that_no_registry_can_hold(home: Home) -> None:
    """One odd name in a provider's list would stop the others from being registered, or steer the terminal."""
    listed = [{"voice_id": name} for name in ("voice-good-1", "x" * 257, "bad\x1b[31m", "bad\0", "half\ud800", "")]
    body = {"voice_cloning": listed, "base_resp": {"status_code": 0}}
    async with raw_server(saying(answer(json.dumps(body).encode()))) as server:
        home.account("main", base_url=server.url)
        done = await asyncio.to_thread(home.run, "verify", "--register")
        told = await asyncio.to_thread(home.json, "verify")
    assert len(told[0]["unregistered"]) == 5
    assert done.returncode == 0, done.stderr
    assert "1 registered as kept: voice-good-1" in done.stdout
    assert "5 cannot be registered" in done.stdout
    assert "\x1b[31m" not in done.stdout
    voice = home.voice("voice-good-1")
    assert voice["cloned_at"] == voice["kept_at"], "now, where the list does not say"


def test_verify_without_a_list_says_so(home: Home, emulator: Emulated) -> None:
    """If a gateway without a list looked like a loss, its users would clone again what is well."""
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    emulator.fault("http", http_status=404, path=LIST_PATH)
    home.sweep(0)
    emulator.clear_faults()
    emulator.fault("http", http_status=404, path=LIST_PATH, key=SPARE)
    emulator.fault("html", path=LIST_PATH)
    done = home.run("verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot be verified") == 2
    voice = home.voice("voice-one-1")
    assert (voice["status"], voice["verified_at"]) == ("kept", None)


@pytest.mark.parametrize("page", ["json", "html"])
@pytest.mark.parametrize("provider", ["minimax-gateway", "kkiai"])
def test_verify_at_a_gateway_without_a_list(home: Home, emulator: Emulated, provider: str, page: str) -> None:
    """A gateway's own 404, or its web page under HTTP 200, would be read as an empty list or as a broken account."""
    home.account("main", provider=provider, path_prefix="/minimax")
    emulator._order("PATCH", "/habits", {"no_get_voice": page})
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    home.sweep(0)
    done = home.run("verify", "--register")
    assert done.returncode == 0, done.stderr
    assert "main: cannot be verified: it has no list of voices" in done.stdout
    assert (home.voice("voice-one-1")["status"], home.voice("voice-one-1")["verified_at"]) == ("kept", None)


def test_verify_at_hingnet_takes_a_page_for_no_list(home: Home, emulator: Emulated) -> None:
    """Nobody documents whether it has one: its page would be a failure, and each verification an alarm."""
    home.account("main", provider="hingnet")
    emulator.fault("html", path=f"/minimaxi{LIST_PATH}")
    done = home.run("verify")
    assert (done.returncode, "main: cannot be verified: it has no list of voices" in done.stdout) == (0, True)


def test_verify_that_could_not_ask_is_no_success(home: Home, emulator: Emulated) -> None:
    """A script would go on as if its voices were proven, while the network was down."""
    home.account("spare", base_url="http://127.0.0.1:9", api_key="env:SPARE_KEY")
    emulator.make("voice-used-1")
    emulator.speak("voice-used-1")
    home.insert("voice-used-1")
    done = home.run("verify")
    assert done.returncode == 1
    assert "spare: cannot be verified: could not connect" in done.stdout
    assert home.voice("voice-used-1")["status"] == "kept", "the other account is verified all the same"
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.fault("http", http_status=503, path=LIST_PATH, key=SPARE)
    assert home.run("verify").returncode == 1
    home.account("other", api_key="sk-of-nobody")
    assert home.run("verify").returncode == 3, "a key that is refused needs a person: that goes first"


def test_verify_with_a_refused_key_is_no_success(home: Home, emulator: Emulated) -> None:
    """A script would take an account whose key is not accepted for one without a list."""
    home.account("spare", api_key="sk-of-nobody")
    emulator.make("voice-used-1")
    emulator.speak("voice-used-1")
    done = home.run("verify", "--register")
    assert done.returncode == 3
    assert "spare: cannot be verified: the key is not" in done.stdout
    assert home.voice("voice-used-1")["status"] == "kept", "the other account is verified all the same"
    assert "sk-of-nobody" not in done.stdout + done.stderr


def test_check_looks_at_everything_and_calls_nothing_paid(home: Home, emulator: Emulated) -> None:
    """If `check` were green without looking, or paid for its look, nobody could rely on it."""
    home.set("alerts", urls=["json://127.0.0.1:9/hook"])
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    states = {one["subject"]: one["state"] for one in home.json("check")}
    assert states == {
        "configuration": "ok",
        "alerts.urls[0]": "warning",  # it stands in the file itself
        "registry": "ok",
        "account main": "ok",
        "account main clock": "ok",
        "alerts": "ok",
        "channel json://127.0.0.1:9": "ok",
    }
    assert emulator.calls() == []


def test_check_finds_a_wrong_key_and_a_wrong_clock(home: Home, emulator: Emulated) -> None:
    """If a wrong key or a clock that is hours off passed the check, every deadline would be a surprise."""
    home.account("spare", api_key="sk-mistyped-key")
    emulator.advance(timedelta(hours=3))
    done = home.run("check")
    assert done.returncode == 3
    lines = {line.partition(": ")[0].split(maxsplit=1)[1]: line for line in done.stdout.splitlines()}
    assert lines["account spare"].startswith("error")
    assert "check api_key" in lines["account spare"]
    assert lines["account main clock"].startswith("error")
    assert re.search(r"(3h|2h 59m) behind minimax-cn.*synchronise", lines["account main clock"])
    assert lines["accounts.spare.api_key"].startswith("warning")
    assert "sk-mistyped-key" not in done.stdout + done.stderr


def test_check_finds_a_budget_below_the_price(home: Home, emulator: Emulated) -> None:
    """If it were green, nobody would learn before the first sweep that no voice can ever be kept."""
    home.set("accounts.main", price_per_voice=9.9, budget_per_day=0, budget_per_month=990)
    found = [one["message"] for one in home.json("check") if one["subject"] == "account main budget"]
    assert found == ["budget_per_day, 0.00 CNY, is less than one voice costs, 9.90 CNY: raise it, or none will be kept"]
    assert emulator.calls() == []


def test_check_of_a_broken_registry_and_a_bad_channel(home: Home) -> None:
    """If `check` stopped at the first mistake, the next one would be found at night."""
    home.registry.unlink()
    home.account("main", base_url="http://127.0.0.1:9")
    home.set("alerts", urls=["nonsense://x"])
    done = home.run("check", "--json")
    assert done.returncode == 75
    assert '"subject": "alerts",\n    "state": "error"' in done.stdout
    assert "migrate" in done.stdout
