"""Mistakes of the configuration: all at once, with file, key and mend, exit code 2."""

from tests.scenarios.commands import Home


def test_every_mistake_is_reported_at_once(home: Home) -> None:
    """If mistakes were found one at a time, or passed, the first night would find the next one."""
    home.set("keep", lifetime="a week", txet="Hi.", keep_after=3)
    home.set("serve", listen="everywhere")
    home.set("alerts", repeat_every="0s", urls="json://one")
    home.account("gone", provider="minimax-mars", api_key="env:NOT_SET_ANYWHERE", max_concurrency="four")
    home.set("typo", anything=1)
    done = home.run("run")
    assert done.returncode == 2
    found = [line.partition("voicekeeper.toml: ")[2].partition(": ") for line in done.stderr.splitlines()]
    assert {key for key, _, _ in found} == {
        "keep.lifetime",
        "keep.txet",
        "keep.keep_after",
        "serve.listen",
        "alerts.repeat_every",
        "alerts.urls",
        "accounts.gone.provider",
        "accounts.gone.api_key",
        "accounts.gone.max_concurrency",
        "typo",
    }
    words = {key: said for key, _, said in found}
    assert "did you mean text?" in words["keep.txet"]
    assert "168h" in words["keep.lifetime"]
    assert "minimax-cn" in words["accounts.gone.provider"]
    assert "NOT_SET_ANYWHERE is not set" in words["accounts.gone.api_key"]


def test_what_cannot_be_read_is_said_with_exit_code_2(home: Home) -> None:
    """If a broken or missing file gave a traceback or another code, scripts could not tell a usage error."""
    home.config.write_text("[keep\n", encoding="utf-8")
    broken = home.run("run")
    home.config.unlink()
    missing, named, option = home.together(("status",), ("--config", "elsewhere.toml", "status"), ("--nonsense",))
    assert option.returncode == 2
    for done, words in ((broken, "is not TOML"), (missing, "no configuration"), (named, "elsewhere.toml")):
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_commands_that_only_look_need_no_key(home: Home) -> None:
    """If `status` wanted the key, nobody but the service's own user could look."""
    del home.variables["SCENARIO_KEY"]
    looked, refused = home.together(("status",), ("run",))
    assert looked.returncode == 0
    assert refused.returncode == 2
    assert "SCENARIO_KEY is not set" in refused.stderr
