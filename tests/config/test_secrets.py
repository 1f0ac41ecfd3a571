"""Where secrets come from, and that they never come out."""

import traceback
from pathlib import Path

import pytest

from voicekeeper.config import Settings, load
from voicekeeper.core.errors import ConfigError

MARK = "sk-SECRETMARK"
REGISTRY = '[registry]\nurl = "sqlite:///v.db"\n'
WHOLE = (
    REGISTRY
    + """
[accounts.main]
provider = "minimax-cn"
api_key = "{key}"
[alerts]
urls = ["{key}"]
[serve]
api_token = "{key}"
"""
)


def loaded(folder: Path, text: str, *, secrets: bool = True) -> Settings:
    (folder / "voicekeeper.toml").write_text(text, encoding="utf-8")
    return load(folder / "voicekeeper.toml", secrets=secrets)


def refusal(folder: Path, text: str) -> str:
    """Return everything that an error shows: its words, its repr and its traceback."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return "\n".join([repr(caught.value), *traceback.format_exception(caught.value)])


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the marker into each place that a secret can be read from."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "key").write_text(f"{MARK}\n")
    (tmp_path / "credentials" / "key").write_text(f"  {MARK}\n")
    monkeypatch.setenv("A_KEY", f"{MARK} \n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    return tmp_path


@pytest.mark.parametrize("source", ["env:A_KEY", "file:key", "credential:key", MARK, f" {MARK}\\n"])
def test_every_source(given: Path, source: str) -> None:
    """If one gave another text than was put there, every call would be refused."""
    settings = loaded(given, WHOLE.format(key=source))
    secret = settings.accounts["main"].api_key
    assert secret.reveal() == MARK
    assert secret.plain == (MARK in source)


@pytest.mark.parametrize("source", ["env:A_KEY", "file:key", "credential:key", MARK])
def test_settings_never_show_a_secret(given: Path, source: str) -> None:
    """If they did, the first log of the settings would publish every key."""
    settings = loaded(given, WHOLE.format(key=source))
    shown = [repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()]
    assert not [one for one in shown if MARK in one]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("env:NO_KEY", "the environment variable NO_KEY is not set"),
        ("env:EMPTY_KEY", "it is empty"),
        ("file:none", "No such file or directory"),
        ("file:credentials", "Is a directory"),
        ("file:~no-such-user/key", "home directory"),
        ("file:binary", "can't decode"),
        ("file:huge", "longer than any secret"),
        ("credential:none", "No such file or directory"),
    ],
)
def test_a_missing_secret_is_named(given: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str) -> None:
    """If it were not said which one and why, its owner would look in the wrong place."""
    monkeypatch.setenv("EMPTY_KEY", " \n")
    (given / "binary").write_bytes(b"\xff\xfe\x00")
    (given / "huge").write_text("x" * 100_000)
    text = WHOLE.format(key=source)
    shown = refusal(given, text)
    for key in ("accounts.main.api_key", "alerts.urls.0", "serve.api_token"):
        assert f'{key}: the secret "{source}" cannot be read: ' in shown
    assert words in shown
    assert loaded(given, text, secrets=False).accounts["main"].api_key.value is None


def test_without_systemd_there_are_no_credentials(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a credential were sought elsewhere, a run outside the unit would use another key."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert "LoadCredential=" in refusal(given, WHOLE.format(key="credential:key"))


def test_a_registry_is_needed_even_where_secrets_are_not(given: Path) -> None:
    """If it were tolerated, a looking command would crash where it should say what is missing."""
    with pytest.raises(ConfigError, match="NO_KEY is not set"):
        loaded(given, '[registry]\nurl = "env:NO_KEY"\n', secrets=False)


def test_a_secret_that_was_not_read_cannot_be_used(given: Path) -> None:
    """If it gave an empty text, calls would go out without a key."""
    settings = loaded(given, WHOLE.format(key="env:NO_KEY"), secrets=False)
    with pytest.raises(RuntimeError, match="env:NO_KEY"):
        settings.accounts["main"].api_key.reveal()


ACCOUNT = f'{REGISTRY}[accounts.main]\nprovider = "minimax-cn"\n'


@pytest.mark.parametrize(
    "text",
    [
        f'registry = "mysql://user:{MARK}@host/db"',
        f'[registry]\nurl = "oracle://user:{MARK}@host/db"',
        f'[registry]\nurl = ["{MARK}"]',
        f'{REGISTRY}[accounts]\nmain = "{MARK}"',
        f'{REGISTRY}\naccounts = "{MARK}"',
        f'accounts = ["{MARK}"]\n{REGISTRY}',
        f'{ACCOUNT}api_kee = "{MARK}"',
        f'{ACCOUNT}api_key = ["{MARK}"]',
        f'{ACCOUNT}api_key = {{ value = "{MARK}" }}',
        f'{ACCOUNT}api_key = "{MARK} and more"',
        f'{ACCOUNT}api_key = "{MARK}\\u00fc"',
        f'{ACCOUNT}api_key = "{MARK}"\nbase_url = "https://user:{MARK}@host"',
        f'{REGISTRY}[alerts]\nurls = "slack://{MARK}"',
        f'{REGISTRY}[alerts]\nurls = [["slack://{MARK}"]]',
        f'{REGISTRY}[alerts]\nheartbeat_url = "hc.example/{MARK}"',
        f'alerts = "slack://{MARK}"\n{REGISTRY}',
        f'{REGISTRY}[serve]\napi_token = ["{MARK}"]',
        f'{REGISTRY}[serve]\ntoken = "{MARK}"',
    ],
)
def test_no_error_shows_a_secret(given: Path, text: str) -> None:
    """An error goes to the terminal, the log and the issue tracker: a key in it is a key lost."""
    assert MARK not in refusal(given, text)
