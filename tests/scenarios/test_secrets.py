"""No secret is ever printed, logged or stored."""

from tests.scenarios.commands import Emulated, Home, ago

KEY_MARK, SINK_MARK, BEAT_MARK, PASSWORD_MARK = "sk-MARK-KEY-1", "MARKSINK2", "MARKBEAT3", "MARKPASSWORD4"
MARKS = (KEY_MARK, SINK_MARK, BEAT_MARK, PASSWORD_MARK)


def test_no_secret_in_output_log_or_registry(home: Home, emulator: Emulated) -> None:
    """If a key came out in a log, an error or an alert, everybody who reads those could spend the owner's money."""
    home.variables |= {"MARK_KEY": KEY_MARK, "MARK_SINK": f"json://user:{SINK_MARK}@127.0.0.1:9/{SINK_MARK}"}
    home.account("main", api_key="env:MARK_KEY")
    home.account("plain", api_key=KEY_MARK)
    home.set("alerts", urls=["env:MARK_SINK"], heartbeat_url=f"http://127.0.0.1:9/{BEAT_MARK}")
    home.set("log", level="debug")
    home.insert("voice-one-1", "voice-two-2", cloned_at=ago(days=8))
    home.insert("voice-three-3", account="plain")
    home.insert("voice-four-4", account="nobody")
    echo = f"the key {KEY_MARK} is wrong"
    said = [home.run("run")]  # a key that nobody knows
    emulator._order("POST", "/keys", {"key": KEY_MARK})
    emulator.fault("http", http_status=400, body=echo, voice_id="voice-one-1")
    emulator.fault("code", code=2049, message=echo, voice_id="voice-two-2")
    emulator.fault("redirect", location=f"http://127.0.0.1:9/?key={KEY_MARK}", voice_id="voice-three-3")
    home.make_due()
    said.append(home.run("run"))
    commands = (("check",), ("verify",), ("status",), ("list", "--json"), ("show", "voice-one-1"), ("alert-test",))
    said += home.together(*commands)
    stored = b"".join(file.read_bytes() for file in home.folder.glob("registry.db*"))
    home.set("registry", url=f"postgresql://somebody:{PASSWORD_MARK}@127.0.0.1:9/nowhere")
    said += home.together(("run",), ("check",))
    home.set("registry", url=f"nonsense://somebody:{PASSWORD_MARK}@127.0.0.1/nowhere")
    home.set("alerts", urls=[f"nonsense://{SINK_MARK}"], heartbeat=BEAT_MARK)
    home.set("accounts.plain", api_kye=KEY_MARK, max_concurrency=0)
    said.append(home.run("run"))
    assert [done.returncode for done in said[-3:]] == [75, 75, 2]
    text = "".join(done.stdout + done.stderr for done in said)
    assert "Traceback" not in text
    assert [mark for mark in MARKS if mark in text] == []
    assert [mark for mark in MARKS if mark.encode() in stored] == []
