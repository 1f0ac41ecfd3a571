"""Every secret is planted as a marker, everything is run, and all that was written, sent or answered is searched."""

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.scenarios.commands import Done, Emulated, Home, ago, until
from tests.scenarios.serving import serving
from tests.scenarios.sinks import Webhook

KEY, FILE_KEY, PLAIN_KEY = "sk-MARKKEY0001", "sk-MARKKEY0002", "sk-MARKKEY0003"
#: One that JSON, addresses and web pages write in another way.
ESCAPED_KEY = "sk/+&=MARKKEY0012"
TOKEN, SINK, HEADER, BEAT = "MARKTOKEN0004", "MARKSINK0005", "MARKHEADER0006", "MARKBEAT0007"
SOURCE, REGISTRY, PROXY, SIGNATURE = "MARKSOURCE0008", "MARKREGISTRY0009", "MARKPROXY0010", "MARKSIGNATURE0011"
#: What all of them have in common, in any case.
MARK = re.compile(r"mark[a-z]+\d{4}", re.IGNORECASE)
#: Characters shown before a marker that was found.
BEFORE = 120

#: Makes the first call in a process fail where nobody expects it, with the key in reach of whoever prints variables.
CRASH = """
import os
if os.environ.get("CRASH"):
    from voicekeeper.providers import wire
    async def whole(self, method, path, **request):
        key = self._key
        raise RuntimeError("planted")
    wire.Wire._whole = whole
"""
#: Makes the command itself fail.
CRASH_ALL = """
import os
if os.environ.get("CRASH_ALL"):
    from voicekeeper.registry import accounts
    def sync(database, marks):
        raise RuntimeError("planted")
    accounts.sync = sync
"""


@pytest.fixture
def marked(home: Home, emulator: Emulated, webhook: Webhook) -> Home:
    """A folder full of markers, with accounts that work, fail and cannot be reached."""
    (home.folder / "key.txt").write_text(FILE_KEY, encoding="utf-8")
    home.variables |= {
        "MARK_KEY": KEY,
        "MARK_ESCAPED_KEY": ESCAPED_KEY,
        "MARK_TOKEN": TOKEN,
        "MARK_SINK": webhook.alert_url.replace("//", f"//user:{SINK}@") + f"/{SINK}?+X-Secret={HEADER}",
        "MARK_BEAT": f"{webhook.beat_url}/{BEAT}?token={BEAT}",
        "MARK_SOURCE": f"postgresql://reader:{SOURCE}@127.0.0.1:9/app?sslpassword={SOURCE}",
        "ALL_PROXY": f"http://me:{PROXY}@127.0.0.1:9",
    }
    home.account("main", api_key="env:MARK_KEY")
    home.account("filed", api_key="file:key.txt")
    home.account("plain", api_key=PLAIN_KEY, base_url="https://voicekeeper.invalid")
    home.account("escaped", api_key="env:MARK_ESCAPED_KEY")
    home.set("alerts", urls=["env:MARK_SINK"], heartbeat_url="env:MARK_BEAT", repeat_every="1s")
    home.set("serve", api_token="env:MARK_TOKEN")
    home.set("sources.app", url="env:MARK_SOURCE", query="SELECT voice_id, cloned_at FROM voices", account="main")
    home.set("log", level="debug")
    emulator._order("POST", "/keys", {"key": KEY})
    emulator.make("voice-one-1", "voice-two-2", key=KEY)
    emulator._order("POST", "/keys", {"key": ESCAPED_KEY})
    emulator.make("voice-eleven-11", "voice-twelve-12", "voice-thirteen-13", key=ESCAPED_KEY)
    home.insert("voice-one-1", "voice-two-2", "voice-three-3")
    home.insert("voice-four-4", account="filed")  # a key that the emulator does not know
    home.insert("voice-five-5", account="plain")
    home.insert("voice-six-6", account="nobody", cloned_at=ago(days=8))
    home.insert("voice-eleven-11", "voice-twelve-12", "voice-thirteen-13", account="escaped")
    echo_escaped(emulator)
    echo = f"the key {KEY} is wrong"
    emulator.fault("http", http_status=500, body=echo, headers={"Trace-Id": KEY}, voice_id="voice-two-2")
    emulator.fault("redirect", location=f"http://127.0.0.1:9/?key={KEY}", voice_id="voice-three-3")
    return home


def echo_escaped(emulator: Emulated) -> None:
    """Let answers repeat a key as JSON, addresses and web pages write it."""
    said = json.dumps({"error": {"message": f"no key {ESCAPED_KEY}"}, "trace_id": ESCAPED_KEY})
    written = said.replace("/", "\\/").replace("+", "\\u002B").replace("&", "\\u0026")
    emulator.fault("http", http_status=500, body=written, voice_id="voice-eleven-11")
    address = f"no such address: /v1?key={quote(ESCAPED_KEY, safe='')}"
    emulator.fault("http", http_status=500, body=address, voice_id="voice-twelve-12")
    page = f"<html>{escape(ESCAPED_KEY)}</html>"
    emulator.fault("http", http_status=502, body=page, voice_id="voice-thirteen-13")


def reading(home: Home) -> list[Done]:
    """Run whatever only looks, for people and for programs."""
    commands: list[tuple[str, ...]] = [
        ("show", "voice-two-2"),
        ("show", "nobody"),
        ("needs-keeping",),
        ("run", "--dry-run"),
    ]
    for name in ("status", "list", "check", "verify"):
        commands += [(name,), (name, "--json")]
    return home.together(*commands)


def changing(home: Home) -> list[Done]:
    """Run whatever changes something, and fail at some of it."""
    (home.folder / "rows.csv").write_text("account,voice_id\nmain,voice-seven-7\nnobody,x\n", encoding="utf-8")
    signed = f"https://voicekeeper.invalid/a.wav?signature={SIGNATURE}"
    return home.together(
        ("add", "voice-eight-8", "--account", "main"),
        ("add", "voice-nine-9", "--account", "nobody"),
        ("import", "rows.csv"),
        ("hold", "voice-eight-8"),
        ("retry", "voice-two-2"),
        ("clone", signed, "--account", "main", "--voice-id", "voice-ten-10"),
        ("clone", "rows.csv", "--account", "plain", "--voice-id", "voice-ten-10"),
        ("design", "--account", "plain", "--prompt", "calm", "--preview-text", "Hello."),
        ("alert-test",),
    )


def crashing(home: Home) -> list[Done]:
    """Run with mistakes of our own, which end in tracebacks."""
    planted = home.folder / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(CRASH + CRASH_ALL, encoding="utf-8")
    before = dict(home.variables)
    home.variables |= {"PYTHONPATH": str(planted), "CRASH": "1"}
    home.make_due()
    said = [home.run("run")]
    home.set("log", format="console")
    home.make_due()
    said.append(home.run("run"))
    home.variables |= {"CRASH_ALL": "1"}
    said += [home.run("run"), home.run("verify", "--json")]
    home.set("log", format="json")
    home.variables = before
    assert all("planted" in done.stderr for done in said), [done.stderr for done in said]
    return said


def broken(home: Home) -> list[Done]:
    """Run on registries that cannot be reached and configurations that cannot be read."""
    address = f"somebody:{REGISTRY}@127.0.0.1:9/nowhere"
    said = []
    for scheme in ("postgresql", "mysql", "nonsense"):
        home.set("registry", url=f"{scheme}://{address}")
        said += home.together(("run",), ("check", "--json"), ("migrate",))
    said += home.together(("serve",))
    home.set("registry", url="sqlite:///registry.db")
    wrong = {"urls": [f"nonsense://{SINK}", SINK], "heartbeat_url": BEAT, "heartbeet_url": f"https://{BEAT}"}
    home.set("alerts", **wrong)
    home.set("serve", api_token=f"env:{TOKEN[:4]}_NOT_SET")
    home.set("accounts.plain", api_key=f"{PLAIN_KEY} and more", api_kye=PLAIN_KEY, max_concurrency=0)
    home.set("sources.app", url=f"oracle://me:{SOURCE}@127.0.0.1/x")
    said += home.together(("run",), ("check",), ("status",), ("serve",))
    assert {done.returncode for done in said[-4:]} == {2}
    return said


def over_http(home: Home) -> Iterator[str]:
    """Ask the daemon for everything it serves, with the token, without and with a wrong one."""
    with serving(home) as daemon:
        url = daemon.wait_for("serve.listening")["url"]
        until(lambda: daemon.events("sweep.finished"))
        paths = (
            "/",
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/api/voices",
            "/api/accounts",
            "/api/attempts",
        )
        for token in (TOKEN, "wrong", ""):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=10) as client:
                answers = [client.get(path) for path in paths] + [client.post("/api/voices", json={"account": "x"})]
            yield from (f"{answer.headers}{answer.text}" for answer in answers)
        daemon.process.terminate()
        daemon.process.wait(20)
        yield daemon.log.read_text(encoding="utf-8")


def waiting(home: Home) -> Iterator[str]:
    """Ask a daemon that waits for its registry for what it tells meanwhile."""
    home.set("registry", url=f"postgresql://somebody:{REGISTRY}@127.0.0.1:9/nowhere")
    with serving(home) as daemon:
        daemon.wait_for("registry.unavailable")
        yield from (daemon.get(path).text for path in ("/", "/readyz", "/api/voices"))
        daemon.end()
        yield daemon.log.read_text(encoding="utf-8")
    home.set("registry", url="sqlite:///registry.db")


def stored(home: Home) -> Iterator[tuple[str, str]]:
    """Return everything that lies in the folder now, but for what its owner put there."""
    for path in sorted(home.folder.rglob("*")):
        if (
            path.is_file()
            and path.name not in {"voicekeeper.toml", "key.txt", "sitecustomize.py"}
            and "pyc" not in path.name
        ):
            yield path.name, path.read_bytes().decode("utf-8", "replace")


@pytest.mark.timeout(400)  # some seventy processes, one after the other where they need it
def test_no_secret_leaves_its_place(marked: Home, webhook: Webhook) -> None:
    """Whoever reads a log, an error, a chat or a database could spend the owner's money."""
    said = [marked.run("run"), marked.run("run", "--json"), *reading(marked), *changing(marked)]
    answered = list(over_http(marked))
    said += crashing(marked)
    kept = dict(stored(marked))
    answered += waiting(marked)
    said += broken(marked)
    told = json.dumps(webhook.messages)
    written = {f"{number}: {done.args}": done.stdout + done.stderr for number, done in enumerate(said)}
    written |= {"answers": "".join(answered), "messages": told} | kept | dict(stored(marked))
    assert webhook.messages, "nobody was told anything, so nothing was proved"
    assert webhook.pings, "no heartbeat went out, so nothing was proved"
    assert "registry.db" in kept
    assert "voice-two-2" in "".join(written.values())
    assert marks(written) == {}
    assert blots(marked) >= {"voice-eleven-11", "voice-twelve-12", "voice-thirteen-13"}, "nothing was proved"


def blots(home: Home) -> set[str]:
    """Return the voices whose evidence shows that a key was blotted out."""
    rows = home.sql("SELECT v.voice_id, a.message, a.trace_id FROM attempts a JOIN voices v ON v.id = a.voice")
    return {str(row["voice_id"]) for row in rows if "***" in f"{row['message']}{row['trace_id']}"}


def marks(written: dict[str, str]) -> dict[str, str]:
    """Return where markers stand, each with what is before it."""
    found = ((name, text, MARK.search(text)) for name, text in written.items())
    return {name: text[max(0, mark.start() - BEFORE) : mark.end()] for name, text, mark in found if mark}


def test_the_search_would_find_one(tmp_path: Path) -> None:
    """If the search were blind, the test above could not fail."""
    home = Home(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "x").write_text(f"a {KEY} b", encoding="utf-8")
    assert marks(dict(stored(home)) | {"said": SOURCE.lower(), "clean": "env:MARK_KEY"}).keys() == {"x", "said"}
