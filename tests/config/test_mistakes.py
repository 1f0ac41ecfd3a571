"""Every mistake in a configuration file, all at once: file, key, what was found, what would mend it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from voicekeeper.config import Settings, load
from voicekeeper.core.errors import ConfigError

Write = Callable[[str], Path]
ACCOUNT = '[registry]\nurl = "sqlite:///v.db"\n[accounts.main]\nprovider = "minimax-cn"\napi_key = "env:A_KEY"\n'


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-1234567890")
    monkeypatch.delenv("NO_KEY", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a configuration file."""

    def put(text: str) -> Path:
        (tmp_path / "voicekeeper.toml").write_text(text, encoding="utf-8")
        return tmp_path / "voicekeeper.toml"

    return put


def mistakes(path: Path, *, secrets: bool = True) -> list[str]:
    """Return the mistakes that are found, without the file's name, which each must begin with."""
    with pytest.raises(ConfigError) as caught:
        load(path, secrets=secrets)
    assert all(one.startswith(f"{path}: ") for one in caught.value.problems)
    return [one.removeprefix(f"{path}: ") for one in caught.value.problems]


def test_every_mistake_at_once(write: Write) -> None:
    """If only the first were told, mending a file would take as many tries as it has mistakes."""
    text = """
[registry]
url = "env:NO_KEY"
[keep]
keep_after = 168
text = "<#0.5#> "
texxt = "Hi."
[accounts.main]
provider = "minimax-cn"
api_key = "env:NO_KEY"
modle = "speech-02-hd"
currency = "yuan"
budget_per_day = 9.9
[accounts.other]
provider = "minimax-china"
requests_per_minute = 0
[accounts.late]
provider = "minimax-cn"
api_key = "env:A_KEY"
lifetime = "48h"
keep_after = "2d"
[alerts]
repeat_every = "often"
[serve]
listen = "8710"
[log]
level = "loud"
[extra]
"""
    found = mistakes(write(text))
    for key, words in {
        "registry.url": "NO_KEY is not set",
        "keep.keep_after": '"168h"',
        "keep.text": "nothing to speak",
        "keep.texxt": "did you mean text?",
        "accounts.main.api_key": "NO_KEY is not set",
        "accounts.main.modle": "did you mean model?",
        "accounts.main.currency": "\"CNY\" (found 'yuan')",
        "accounts.main.price_per_voice": "a budget needs price_per_voice",
        "accounts.other.provider": "(found 'minimax-china')",
        "accounts.other.requests_per_minute": "greater than 0 (found 0)",
        "accounts.other.api_key": "is missing",
        "accounts.late.keep_after": "2d must be shorter than the lifetime, 2d",
        "alerts.repeat_every": "(found 'often')",
        "serve.listen": "\"127.0.0.1:8710\" (found '8710')",
        "log.level": "(found 'loud')",
        "extra": "there are registry, keep, accounts",
    }.items():
        told = [one for one in found if one.startswith(f"{key}: ")]
        assert len(told) == 1, (key, found)
        assert words in told[0]
    assert len(found) == 16


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('timeout = "0s"', "accounts.main.timeout: write a duration from 1s to 10m (found '0s')"),
        ("timeout = 30", 'accounts.main.timeout: write a duration in quotes, like "168h"'),
        ('lifetime = "48x"', 'accounts.main.lifetime: "48x" is not a duration'),
        ('lifetime = "0h"', "accounts.main.lifetime: write a duration from 1s to 3650d (found '0h')"),
        ('keep_after = "late"', 'accounts.main.keep_after: "late" is not a duration'),
        ('keep_after = "200h"', "accounts.main.keep_after: 8d 8h must be shorter than the lifetime, 7d"),
        ("max_concurrency = 2.5", "accounts.main.max_concurrency: "),
        ('max_concurrency = "4"', "accounts.main.max_concurrency: "),
        ("requests_per_minute = nan", "accounts.main.requests_per_minute: "),
        ("requests_per_minute = inf", "accounts.main.requests_per_minute: "),
        ("requests_per_minute = true", "accounts.main.requests_per_minute: "),
        ("price_per_voice = -1.0", "accounts.main.price_per_voice: "),
        ("price_per_voice = inf", "accounts.main.price_per_voice: write a number without quotes, like 9.9 (found inf)"),
        (
            'price_per_voice = "9,9"',
            "accounts.main.price_per_voice: write a number without quotes, like 9.9",
        ),
        (
            "price_per_voice = true",
            "accounts.main.price_per_voice: write a number without quotes",
        ),
        ("budget_per_day = 9.0", "accounts.main.price_per_voice: a budget needs price_per_voice"),
        ("price_per_voice = 0.0\nbudget_per_month = 9.0", "accounts.main.price_per_voice: a budget needs"),
        ('base_url = "api.example.com"', 'accounts.main.base_url: write it like "https://host.example"'),
        ('base_url = "ftp://api.example.com"', "accounts.main.base_url: "),
        ('base_url = "https://a.example?GroupId=1"', "accounts.main.base_url: "),
        ('base_url = "https://a.example#x"', "accounts.main.base_url: "),
        ('base_url = "https://user:pw@a.example"', "accounts.main.base_url: "),
        ('base_url = "https://a.example:99999"', "accounts.main.base_url: "),
        ('base_url = "https://a b"', "accounts.main.base_url: "),
        ('path_prefix = "minimax"', 'accounts.main.path_prefix: write it like "/minimax"'),
        ('[keep]\nkeep_after = "200h"', "keep.keep_after: 8d 8h must be shorter"),
        ('[keep]\ntext = ""', "keep.text: "),
        ('[keep]\ntext = "<#1#> … !"', "keep.text: there is nothing to speak in it"),
        ('[keep]\nwarn_before = "24h"', "keep.warn_before: "),
        ('[keep]\nwarn_before = ["24h", "soon"]', 'keep.warn_before.1: "soon" is not a duration'),
        ('[serve]\nlisten = "127.0.0.1:70000"', "serve.listen: "),
        (
            '[accounts."bad name"]\nprovider = "minimax-cn"\napi_key = "env:A_KEY"',
            "accounts.bad name: a name has",
        ),
        ('[accounts.x]\nprovider = "minimax-cn"\napi_key = ""', 'accounts.x.api_key: write "env:NAME"'),
        ('[accounts.x]\nprovider = "minimax-cn"\napi_key = 5', 'accounts.x.api_key: write "env:NAME"'),
        ('[alerts]\nurls = "env:A_KEY"', "alerts.urls: "),
        ('[alerts]\nlanguage = "de"', "alerts.language: "),
        ('[alerts]\ntime_zone = "Mars/Olympus"', "alerts.time_zone: no time zone that this machine knows"),
        ('[[alerts.channels]]\nurl = "env:A_KEY"\nquiet_hours = "22-7"', "alerts.channels.0.quiet_hours: write hours"),
        ('[[alerts.channels]]\nurl = "env:A_KEY"\nquiet_hours = "07:00-07:00"', "alerts.channels.0.quiet_hours: write"),
        ('[[alerts.channels]]\nurl = "env:A_KEY"\ndigest_at = "25:00"', "alerts.channels.0.digest_at: write an hour"),
        (
            '[[alerts.channels]]\nurl = "env:A_KEY"\nmin_severty = "info"',
            "alerts.channels.0.min_severty: is not a setting; did you mean min_severity?",
        ),
        ("[[alerts.channels]]", "alerts.channels.0.url: is missing"),
        ('[serve]\npublic_url = "keeper.example.com"', 'serve.public_url: write it like "https://'),
        (
            '[alerts]\nheartbeat_url = "hc-ping.com/x"',
            "alerts.heartbeat_url: an address begins with https://",
        ),
    ],
)
def test_one_mistake(write: Write, setting: str, words: str) -> None:
    """If it passed, the tool would start and go wrong later, where nobody looks."""
    found = mistakes(write(ACCOUNT + setting))
    assert len(found) == 1
    assert found[0].startswith(words)


@pytest.mark.parametrize("url", ["sqlite://voicekeeper.db", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_sqlite_registry_that_is_no_file(write: Write, url: str) -> None:
    """If two slashes ended in a traceback, or a registry in memory were made, every voice would be forgotten."""
    (found,) = mistakes(write(f'[registry]\nurl = "{url}"'))
    assert found.startswith('registry: url names no file: write it like "sqlite:///voicekeeper.db"')


@pytest.mark.parametrize("url", ["oracle://h/db", "voicekeeper.db", "sqlite"])
def test_unsupported_registry(write: Write, url: str) -> None:
    """If it passed, the first sweep would fail with a database library's words."""
    (found,) = mistakes(write(f'[registry]\nurl = "{url}"\n'))
    assert found.startswith("registry: url must begin with sqlite:///")


def test_a_mistake_brings_no_others_with_it(write: Write) -> None:
    """If a wrong lifetime or price made others look wrong too, the reader would mend what is right."""
    text = ACCOUNT + 'lifetime = 720\nkeep_after = "200h"\nprice_per_voice = "9.9"\nbudget_per_day = 99.0\n'
    assert [one.partition(":")[0] for one in mistakes(write(text))] == [
        "accounts.main.lifetime",
        "accounts.main.price_per_voice",
    ]


def test_no_registry(write: Write) -> None:
    """If an empty file passed, voices would be sought in no registry."""
    assert mistakes(write("")) == ["registry: is missing: write it"]


def test_a_gateway_without_an_address_needs_one(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it passed, each call would go to no host at all."""
    from voicekeeper.providers.gateways import GATEWAYS, Gateway  # noqa: PLC0415 - of this test only

    monkeypatch.setitem(GATEWAYS, "homeless", Gateway(name="homeless", family="minimax"))
    text = ACCOUNT.replace("minimax-cn", "homeless")
    (found,) = mistakes(write(text))
    assert found == 'accounts.main.base_url: provider "homeless" has no address of its own: set base_url'
    settings = load(write(text + 'base_url = "https://gateway.example/api/"\npath_prefix = "/minimax/"'))
    account = settings.accounts["main"]
    assert (account.base_url, account.path_prefix) == ("https://gateway.example/api", "/minimax")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://a-b.example",
        "https://h/x/y",
        "http://localhost/",
    ],
)
def test_possible_base_url(write: Write, url: str) -> None:
    """If a real address were refused, its gateway could not be used."""
    account = load(write(f'{ACCOUNT}base_url = "{url}"')).accounts["main"]
    assert account.base_url == url.rstrip("/")


def test_a_whole_file(write: Write) -> None:
    """If a setting of the contract were refused or forgotten, every file in use would break."""
    settings = load(
        write(
            ACCOUNT
            + """
model = "speech-2.8-turbo"
requests_per_minute = 20
max_concurrency = 4
timeout = "30s"
price_per_voice = 9.9
currency = "CNY"
budget_per_day = 99
lifetime = "48h"
[keep]
lifetime = "168h"
keep_after = "1h"
text = "Hi."
alternate_text = "你好"
warn_before = ["6h", "72h", "6h"]
[alerts]
urls = ["env:A_KEY"]
repeat_every = "4h"
heartbeat_url = "https://hc.example/x"
[serve]
listen = "[::1]:0"
api_token = "env:A_KEY"
sweep_every = "5m"
[log]
format = "json"
level = "debug"
"""
        )
    )
    policy = settings.policies["main"]
    hours = [span.total_seconds() / 3600 for span in (policy.lifetime, *policy.warn_before)]
    assert hours == [48, 72, 6]
    assert policy.keep_after == timedelta(hours=1)
    assert settings.accounts["main"].api_key.reveal() == "sk-1234567890"


def test_defaults(write: Write) -> None:
    """If a default moved, voices would be planned by another clock than the manual says."""
    settings: Settings = load(write(ACCOUNT))
    policy = settings.default_policy
    assert (policy.lifetime, policy.keep_after) == (timedelta(hours=168), timedelta())
    assert (settings.keep.text, settings.serve.listen, settings.log.format) == (
        "Hi.",
        "127.0.0.1:8710",
        "auto",
    )


SOURCE = '[sources.app]\nurl = "sqlite:///app.db"\nquery = "SELECT 1"\n'


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (SOURCE + 'account = "mian"', 'sources.app.account: account "mian" is not configured (there is: main)'),
        (SOURCE + 'acount = "main"', "sources.app.acount: is not a setting; did you mean account?"),
        ('[sources.app]\nquery = "SELECT 1"', "sources.app.url: is missing"),
        ('[sources.app]\nurl = "sqlite:///app.db"', "sources.app.query: is missing"),
        (SOURCE.replace("sqlite:///app.db", "oracle://me:hunter2@h/x"), "sources.app.url: write it like"),
        (SOURCE.replace("sqlite:///app.db", "sqlite://"), "sources.app.url: write it like"),
        (SOURCE.replace("sqlite:///app.db", "env:NO_KEY"), 'sources.app.url: the secret "env:NO_KEY" cannot be read'),
        (SOURCE.replace("SELECT 1", "DELETE FROM voices"), "sources.app.query: a source is only read"),
        (SOURCE.replace("SELECT 1", "-- SELECT\\nDROP TABLE v"), "sources.app.query: a source is only read"),
        (SOURCE.replace("SELECT 1", ""), "sources.app.query: a source is only read"),
        ('[sources."bad name"]\nurl = "sqlite:///app.db"\nquery = "SELECT 1"', "sources.bad name: a name has"),
        ('[sources]\napp = "sqlite:///app.db"', "sources.app: is a section of its own"),
        ("sources = 5", "accounts.main.sources: is not a setting"),
    ],
)
def test_one_mistake_in_a_source(write: Write, section: str, words: str) -> None:
    """If it passed, new voices would not be found, and nobody be told before the first sweep."""
    (found,) = mistakes(write(ACCOUNT + section))
    assert found.startswith(words)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "query", ["select 1;", " -- all\n/* of\nthem */ SELECT 1", "(SELECT 1) UNION (SELECT 2)", "With x"]
)
def test_possible_query(write: Write, query: str) -> None:
    """If a real query were refused, its owner would have to write another one."""
    settings = load(write(f"{ACCOUNT}[sources.app]\nurl = 'env:NO_KEY'\nquery = '''{query}'''"), secrets=False)
    assert settings.sources["app"].query == query.rstrip(";")


def test_a_wrong_account_does_not_make_its_source_look_wrong(write: Write) -> None:
    """If it did, the reader would mend the source, which is right."""
    named = SOURCE + 'account = "other"\n'
    wrong = ('[accounts."other"]\nprovider = 5', "[accounts]\nother = 5", "accounts = 5")
    assert [one.partition(":")[0] for one in mistakes(write(f"{ACCOUNT}{wrong[0]}\n{named}"))] == [
        "accounts.other.api_key",
        "accounts.other.provider",
    ]
    for text in wrong[1:]:
        (found,) = mistakes(write(f'{text}\n[registry]\nurl = "sqlite:///v.db"\n{named}'))
        assert found.startswith("accounts")


def test_a_source_that_cannot_be_read_here_is_no_mistake_of_those_that_only_look(write: Write) -> None:
    """If it were, nobody could look at the registry without the key to the owner's database."""
    text = ACCOUNT + SOURCE.replace("sqlite:///app.db", "env:NO_KEY")
    assert load(write(text), secrets=False).sources["app"].url.value is None
