"""Each outcome of a keep call, by one-shot sweeps: what becomes of the voice, the account, the exit code."""

import re
import time
from datetime import UTC, datetime, timedelta

from tests.scenarios.commands import KEY, LIST, SPARE, Emulated, Home, ago, events, finished, let_pass, read
from tests.scenarios.sinks import Webhook

VOICE, OTHER = "voice-one-1", "voice-two-2"


def test_kept_and_verified(home: Home, emulator: Emulated) -> None:
    """If this failed, nothing would be kept: one call, one fee, and the list as proof."""
    emulator.make(VOICE)
    home.insert(VOICE)
    done = home.sweep(0)
    assert "1 kept (1 proven" in done.stdout
    voice = home.voice(VOICE)
    assert (voice["status"], voice["attempts"], voice["last_outcome"]) == ("kept", 1, "kept")
    assert voice["kept_at"]
    assert voice["verified_at"]
    assert emulator.spoken() == emulator.paid() == {VOICE: 1}
    assert len(emulator.calls(LIST)) == 1
    kept = next(line for line in events(done.stderr) if line["event"] == "voice.kept")
    assert (kept["account"], kept["voice_id"], kept["outcome"]) == ("main", VOICE, "kept")
    assert {"attempt", "slack_s", "latency_ms", "trace_id"} <= set(kept)
    home.make_due()
    assert "nothing was due" in home.sweep(0).stdout
    assert emulator.spoken() == {VOICE: 1}, "a kept voice is never called again"


def test_a_run_that_stays_for_a_voice_still_ends_when_it_is_told_to(home: Home, emulator: Emulated) -> None:
    """Whoever stops a timer's run, or the machine, would wait for it and then kill it."""
    cloned_at = ago(hours=167, minutes=30)
    emulator.fault("code", code=1002)
    emulator.make(VOICE, cloned_at=cloned_at)
    home.insert(VOICE, cloned_at=cloned_at)
    process = home.start("run")
    assert process.stderr is not None
    while "sweep.finished" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(2)
    assert process.poll() is None, "it did not stay"
    process.terminate()
    assert finished(process, 20).returncode == 1
    assert home.voice(VOICE)["last_outcome"] == "throttled"


def test_throttled_slows_its_account_and_uses_up_no_attempt(home: Home, emulator: Emulated) -> None:
    """If a slow-down counted as a try, or Retry-After were not heard, a busy hour would cost voices or the key."""
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.fault("code", code=1002, key=KEY, times=1)
    emulator.fault("http", http_status=429, headers={"Retry-After": "300"}, key=SPARE, times=1)
    emulator.make(VOICE)
    emulator.make(OTHER, key=SPARE)
    home.insert(VOICE)
    home.insert(OTHER, account="spare")
    home.sweep(1)
    for name in (VOICE, OTHER):
        voice = home.voice(name)
        assert (voice["status"], voice["attempts"], voice["last_outcome"]) == ("waiting", 0, "throttled")
    home.make_voices_due()
    stopped = re.search(r"spare stopped: throttled for another (\d)m", home.sweep(1).stderr)
    assert stopped is not None
    assert stopped[1] in "45", "five minutes, but for what has passed meanwhile"
    assert emulator.spoken() == {VOICE: 2, OTHER: 1}
    home.make_due()
    home.sweep(0)
    assert home.voice(OTHER)["attempts"] == 1
    assert home.outcomes(VOICE) == home.outcomes(OTHER) == ["throttled", "kept"]


def test_transient_waits_by_the_table(home: Home, emulator: Emulated) -> None:
    """If a hiccup were not tried again a minute later, or a try were not counted, the retry table would be idle."""
    emulator.fault("code", code=1000, times=2)
    emulator.make(VOICE)
    home.insert(VOICE)
    for tries, minutes in ((1, 1), (2, 2)):
        start = datetime.now(UTC)
        home.sweep(1)
        voice = home.voice(VOICE)
        assert (voice["status"], voice["attempts"], voice["last_outcome"]) == ("waiting", tries, "transient")
        wait = read(voice["due_at"]) - start
        assert timedelta(minutes=0.9 * minutes) <= wait <= timedelta(minutes=1.1 * minutes, seconds=30)
        home.make_due()
    home.sweep(0)
    assert home.outcomes(VOICE) == ["transient", "transient", "kept"]


def test_refused_takes_the_alternate_text_next_time(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If the same text were sent for ever, a voice would be lost to one word that a filter dislikes."""
    home.set("keep", text="Hi.", alternate_text="Hello there.")
    emulator.fault("code", code=1026, voice_id=VOICE, times=1)
    emulator.fault("code", code=1026, voice_id=OTHER, times=2)
    emulator.make(VOICE, OTHER)
    home.insert(VOICE, OTHER)
    home.sweep(1)
    assert webhook.messages == []
    home.make_due()
    home.sweep(1)
    home.make_due()
    let_pass(home, minutes=5)
    home.sweep(0)
    spoken = {call["voice_id"]: call["characters"] for call in emulator.calls() if call["code"] == 0}
    assert spoken == {VOICE: len("Hello there."), OTHER: len("Hi.")}, "the texts take turns"
    assert "refuses the keep call" in webhook.titles[0], "both texts were refused: somebody must know"
    assert len(webhook.titles) == 2
    assert webhook.titles[1].startswith("voicekeeper: resolved")


def test_not_found_far_from_the_deadline_is_confirmed_first(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If one answer "no such voice" lost a fresh voice, a gateway's wrong channel would lose living ones."""
    home.insert(VOICE)
    home.sweep(1)
    assert (home.voice(VOICE)["status"], home.voice(VOICE)["last_outcome"]) == ("waiting", "not_found")
    assert len(webhook.titles) == 1
    assert "does not know it" in webhook.titles[0]
    assert len(emulator.calls(LIST)) == 1, "the list decides where there is one"
    for code in (1, 1, 4):  # the third answer comes too soon, the fourth over an hour after the first
        home.age(timedelta(minutes=20 if code == 1 else 40))
        home.make_due()
        home.sweep(code)
    assert home.voice(VOICE)["status"] == "lost"
    assert len(webhook.titles) == 2
    assert "is lost" in webhook.titles[1]


def test_not_found_past_the_deadline_is_lost(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a lost voice went unsaid, or ended with another code than 4, nobody would clone it again."""
    home.insert(VOICE, cloned_at=ago(days=8))
    done = home.sweep(4)
    assert home.voice(VOICE)["status"] == "lost"
    assert emulator.spoken() == {VOICE: 1}, "the clock alone loses nothing: the provider was asked"
    assert [line["voice_id"] for line in events(done.stderr) if line["event"] == "voice.lost"] == [VOICE]
    assert len(webhook.titles) == 1
    assert webhook.messages[0]["type"] == "failure"
    home.make_due()
    home.sweep(0)
    assert emulator.spoken() == {VOICE: 1}


def test_not_found_but_listed_is_kept(home: Home, emulator: Emulated) -> None:
    """If the list did not overrule a wrong channel's "no such voice", permanent voices would be called lost."""
    emulator.make(VOICE)
    emulator.speak(VOICE)
    emulator.fault("code", code=2054, times=1)
    home.insert(VOICE, cloned_at=ago(days=8))
    home.sweep(0)
    voice = home.voice(VOICE)
    assert voice["status"] == "kept"
    assert voice["verified_at"]
    assert emulator.paid() == {VOICE: 1}


def test_ambiguous_is_looked_up_before_it_is_repeated(home: Home, emulator: Emulated) -> None:
    """If a lost answer were followed by a second call unseen, broken connections would be paid twice."""
    done, not_done = ("lost", "truncated"), ("reset", "hang", "null_data", "empty_audio")
    home.set("accounts.main", timeout="1s", max_concurrency=8)
    for kind in (*done, *not_done):
        emulator.make(f"voice-{kind}")
        emulator.fault(kind, voice_id=f"voice-{kind}", times=1)
        home.insert(f"voice-{kind}")
    home.sweep(1)
    assert {row["last_outcome"] for row in home.sql("SELECT last_outcome FROM voices")} == {"ambiguous"}
    listed = len(emulator.calls(LIST))
    home.make_due()
    home.sweep(0)
    assert home.statuses() == {"kept": len(done) + len(not_done)}
    assert len(emulator.calls(LIST)) > listed
    assert emulator.spoken() == {f"voice-{kind}": 1 for kind in done} | {f"voice-{kind}": 2 for kind in not_done}
    assert set(emulator.paid().values()) == {1}


def test_nothing_listens_is_tried_again(home: Home) -> None:
    """If a provider that is down lost voices or stopped the sweep, its outage would become ours."""
    home.account("main", base_url="http://127.0.0.1:9")
    home.insert(VOICE)
    home.sweep(1)
    voice = home.voice(VOICE)
    assert (voice["status"], voice["last_outcome"]) == ("waiting", "transient")


def test_a_moody_provider_loses_nothing_and_is_paid_once(moody_home: Home, moody: Emulated) -> None:
    """If ordinary faults lost a voice or paid one twice, no real provider could be trusted with this."""
    ids = [f"moody-voice-{number}" for number in range(80)]
    moody.make(*ids)
    moody_home.insert(*ids)
    for _ in range(6):
        done = moody_home.run("run")
        if moody_home.statuses() == {"kept": len(ids)}:
            break
        assert done.returncode == 1, done.stdout + done.stderr
        moody_home.make_due()
    assert moody_home.statuses() == {"kept": len(ids)}
    assert moody.paid() == dict.fromkeys(ids, 1)
    assert [call for call in moody.calls() if call["fault"]], "the emulator was in no mood: choose another seed"


def test_another_accounts_voice_is_not_kept_by_ours(home: Home, emulator: Emulated) -> None:
    """If 2042 passed for success, a voice registered under the wrong account would die as kept."""
    emulator.make(VOICE, key=SPARE)
    home.insert(VOICE)
    home.sweep(1)
    assert home.voice(VOICE)["last_outcome"] == "not_found"
    assert emulator.paid() == {}
