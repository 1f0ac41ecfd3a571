"""The daemon's HTTP face, asked while it keeps voices."""

import re
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.scenarios.commands import Emulated, Home, ago, until
from tests.scenarios.serving import Serving, serving

VOICE = "voice-one-1"
TOKEN = {"Authorization": "Bearer a-token-of-the-scenario"}


@pytest.fixture
def daemon(home: Home) -> Iterator[Serving]:
    """A daemon that sweeps too seldom for a scenario to see it, but for what comes over HTTP."""
    home.variables["API_TOKEN"] = "a-token-of-the-scenario"
    home.set("serve", sweep_every="1h", api_token="env:API_TOKEN")
    with serving(home) as running:
        running.wait_for("sweep.finished")
        yield running


def post(daemon: Serving, **facts: object) -> httpx.Response:
    url = daemon.wait_for("serve.listening")["url"]
    body = {"account": "main", "voice_id": VOICE, "cloned_at": ago(hours=1), **facts}
    return httpx.post(f"{url}/api/voices", json=body, headers=TOKEN, trust_env=False, timeout=5)


def test_what_is_registered_is_kept_at_once(daemon: Serving, emulator: Emulated) -> None:
    """If it waited for the next sweep, an application would look at a waiting voice for an hour."""
    emulator.make(VOICE, "voice-two-2")
    assert post(daemon).status_code == 201
    assert daemon.wait_for("voice.kept")["voice_id"] == VOICE
    assert post(daemon, voice_id="voice-two-2").status_code == 201
    assert daemon.wait_for("voice.kept", 2)["voice_id"] == "voice-two-2"
    assert emulator.paid() == {VOICE: 1, "voice-two-2": 1}
    daemon.end()


def test_what_is_registered_during_a_sweep_is_not_forgotten(daemon: Serving, emulator: Emulated) -> None:
    """If a sweep under way took the wake-up with it, the voice would wait for the next regular one."""
    emulator.make(VOICE, "voice-two-2")
    emulator.fault("slow", seconds=2.5)
    post(daemon)
    until(emulator.calls)
    post(daemon, voice_id="voice-two-2")
    daemon.wait_for("voice.kept", 2)
    daemon.end()


def test_a_decision_is_followed_at_once(daemon: Serving, emulator: Emulated) -> None:
    """If a voice on hold that is wanted after all waited for the next sweep, it could be lost meanwhile."""
    emulator.make(VOICE)
    assert post(daemon, intent="hold").status_code == 201
    daemon.wait_for("sweep.finished", 2)
    url = f"{daemon.wait_for('serve.listening')['url']}/api/voices/main/{VOICE}"
    changed = httpx.patch(url, json={"intent": "keep"}, headers=TOKEN, trust_env=False)
    assert changed.status_code == 200
    daemon.wait_for("voice.kept")
    daemon.end()


def test_a_decision_on_the_dashboard_is_followed_at_once(daemon: Serving, emulator: Emulated) -> None:
    """If the pages and the keeper were not wired together, a button would do nothing until the next sweep."""
    emulator.make(VOICE)
    post(daemon, intent="hold")
    daemon.wait_for("sweep.finished", 2)
    with httpx.Client(base_url=daemon.wait_for("serve.listening")["url"], trust_env=False) as browser:
        assert browser.post("/sign-in", data={"token": TOKEN["Authorization"].split()[1]}).status_code == 303
        page = browser.get(f"/voices/main/{VOICE}").text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', page))
        asked = browser.post("/decide", data=hidden | {"wish": "keep"})
        assert "Keep and pay" in asked.text
        assert browser.post("/decide", data=hidden | {"wish": "keep", "sure": "yes"}).status_code == 303
        daemon.wait_for("voice.kept")
        until(lambda: "Kept" in browser.get(f"/voices/main/{VOICE}").text)
    daemon.end()


def test_metrics_follow_the_work(daemon: Serving, emulator: Emulated) -> None:
    """If the keeper and the page were not wired together, every figure would stay 0."""
    emulator.make(VOICE)
    post(daemon)
    daemon.wait_for("voice.kept")
    kept = 'voicekeeper_voices{account="main",status="kept"} 1.0'
    until(lambda: kept in daemon.get("/metrics").text)
    page = daemon.get("/metrics").text
    assert 'voicekeeper_keep_attempts_total{account="main",outcome="kept"} 1.0' in page
    assert 'voicekeeper_spend_total{account="main",currency="CNY"} 9.9' in page
    assert "voicekeeper_slack_at_keep_seconds_count 1.0" in page
    daemon.end()


def test_a_reload_takes_the_new_token(home: Home, daemon: Serving) -> None:
    """If the old token stayed good, a stolen one could be changed only by stopping the daemon."""
    assert post(daemon, voice_id="voice-old-token").status_code == 201
    home.set("serve", api_token="another-token-of-the-scenario")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("serve.ready", 2)
    assert post(daemon).status_code == 401
    assert daemon.get("/api/voices/main/voice-old-token").status_code == 200
    daemon.end()


def test_no_secret_is_shown_or_logged(home: Home, daemon: Serving) -> None:
    """If a token or a key stood in an answer or a line of the log, whoever reads those could use it."""
    pages = [daemon.get(path).text for path in ("/api/accounts", "/openapi.json", "/metrics", "/readyz", "/nothing")]
    post(daemon, voice_id="", label=home.variables["API_TOKEN"])
    wrong = {"Authorization": "Bearer a-wrong-token-of-somebody"}
    httpx.post(daemon.wait_for("serve.listening")["url"] + "/api/voices", headers=wrong, json={}, trust_env=False)
    daemon.end()
    everything = "".join(pages) + daemon.log.read_text(encoding="utf-8")
    for secret in (*home.variables.values(), "a-wrong-token-of-somebody"):
        assert secret == "127.0.0.1" or secret not in everything
