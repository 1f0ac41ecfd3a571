"""docs/providers.md: every gateway has its row and its recipe, they say what the code does, and the recipes work."""

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cloning import sounds
from tests.docs.documents import HOUSE, blocks, read, section
from tests.scenarios.commands import KEY, Emulated, Home, emulating
from voicekeeper import config
from voicekeeper.config import AccountSettings
from voicekeeper.core.schedule import Policy
from voicekeeper.providers import minimax_clone, ppinfra_clone, wavespeed_clone
from voicekeeper.providers.cloning import LONGEST_VALIDATION, PATIENCE, Rules
from voicekeeper.providers.gateways import GATEWAYS, Gateway
from voicekeeper.recordings import LARGEST, PROMPT, VOICE

PAGE = "docs/providers.md"
REGISTRY = '[registry]\nurl = "sqlite:///registry.db"\n\n'
RULES: dict[str, Rules] = {
    "minimax": minimax_clone.RULES,
    "ppinfra": ppinfra_clone.RULES,
    "wavespeed": wavespeed_clone.RULES,
}
#: Nothing is fetched from outside: this address refuses, and the emulator does not look at what it is sent.
ELSEWHERE = "http://127.0.0.1:9/voice.wav"


def table(heading: str) -> list[dict[str, str]]:
    """Return the first table of a section, a row as its cells by heading."""
    lines = [line.strip("| ").split(" | ") for line in section(PAGE, heading).splitlines() if line.startswith("|")]
    names = [name.strip("`") for name in lines[0]]
    return [dict(zip(names, row, strict=True)) for row in lines[2:]]


ROWS = table("At a glance")
#: Each section's recipe: its configuration and its commands.
RECIPES: dict[str, tuple[str, list[list[str]]]] = {
    heading: (settings[0], [shlex.split(line) for line in "".join(blocks(body, "sh")).splitlines()])
    for heading in re.findall(r"^## (.*)$", read(PAGE), re.MULTILINE)
    if (settings := blocks(body := section(PAGE, heading), "toml"))
}
ACCOUNTS = [(heading, name) for heading, (text, _) in RECIPES.items() for name in tomllib.loads(text)["accounts"]]


def provider(heading: str, account: str) -> str:
    """Return whose account it is."""
    found: str = tomllib.loads(RECIPES[heading][0])["accounts"][account]["provider"]
    return found


def commands(heading: str, account: str, *names: str) -> list[list[str]]:
    """Return the arguments of a recipe's commands of these names with this account."""
    return [
        words
        for _, *words in RECIPES[heading][1]
        if words[0] in names and words[words.index("--account") + 1] == account
    ]


def missing(gateways: Mapping[str, Gateway]) -> set[str]:
    """Return the gateways that have no row, or no recipe with a clone command."""
    rows = {row["provider"].strip("`") for row in ROWS}
    recipes = {provider(*one) for one in ACCOUNTS if commands(*one, "clone")}
    return set(gateways) - (rows & recipes)


def test_every_gateway_has_a_row_and_a_recipe() -> None:
    """Whoever has a key of that gateway would not learn what to write, or what to expect."""
    assert missing(GATEWAYS) == set()
    assert {row["provider"].strip("`") for row in ROWS} == set(GATEWAYS), "a row of a gateway that is gone"


def test_a_gateway_without_them_is_noticed() -> None:
    """The test above would be content with anything."""
    new = Gateway(name="newcomer", family="minimax", base_url="https://newcomer.example")
    assert missing(GATEWAYS | {"newcomer": new}) == {"newcomer"}


def test_every_system_has_a_section() -> None:
    """A system of the table would have no recipe, because another one has the same provider."""
    named = {row["system"].replace("`", "") for row in ROWS}
    headings = {*RECIPES, *(name for heading in RECIPES for name in heading.split(", "))}
    spoken = {name.split(",")[0].removesuffix(" with MiniMax's API") for name in named}
    assert {name.lower() for name in spoken} <= {heading.lower() for heading in headings}
    assert len(ROWS) == len(named)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["system"])
def test_a_row_says_what_the_code_does(row: dict[str, str]) -> None:
    """Its reader would prepare another account, another audio or another name than voicekeeper wants."""
    gateway = GATEWAYS[row["provider"].strip("`")]
    rules = RULES[gateway.family]
    if gateway.base_url:
        assert row["address"] == f"`{gateway.base_url}{gateway.prefix}`"
    else:
        assert row["address"].startswith("yours")
        assert gateway.prefix in row["address"]
    assert row["voice_id"] == ("the gateway's" if rules.makes_voice_id else "yours")
    ways = {"a file": rules.by_file, "an address": rules.by_url}
    assert row["cloned from"] == " or ".join(way for way, taken in ways.items() if taken)
    assert row["keep call"] == ("task" if gateway.family == "wavespeed" else "direct or task")
    own = gateway.name in {"minimax-cn", "minimax-global"}
    assert row["list"] == ("no" if not gateway.can_list else "yes" if own else "asked for")
    assert float(row["a minute"]) == gateway.requests_per_minute


@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_is_a_configuration(heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies it would be told of mistakes."""
    text = REGISTRY + RECIPES[heading][0]
    for name in re.findall(r'"env:(\w+)"', text):
        monkeypatch.setenv(name, "sk-test")
    (tmp_path / "voicekeeper.toml").write_text(text, encoding="utf-8")
    loaded = config.load(tmp_path / "voicekeeper.toml")
    assert all(not account.api_key.plain for account in loaded.accounts.values())


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulated]:
    """An emulator that stands in for every system."""
    with emulating() as running:
        running._order("PATCH", "/habits", {"task_seconds": 0})
        yield running


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty registry."""
    home = Home(tmp_path_factory.mktemp("migrated"), "http://127.0.0.1:9")
    assert home.run("migrate").returncode == 0
    return home.registry


@pytest.mark.parametrize(("heading", "account"), ACCOUNTS, ids=[account for _, account in ACCOUNTS])
def test_a_recipe_clones_and_keeps(
    heading: str, account: str, emulator: Emulated, migrated: Path, tmp_path: Path
) -> None:
    """Whoever follows it would get no voice, or one that is not kept."""
    emulator.reset()
    emulator._order("PATCH", "/habits", {"minimax_prefix": "kkiai" if account == "kkiai" else "aggregator"})
    home = Home(tmp_path, emulator.url)
    shutil.copy(migrated, home.registry)
    (tmp_path / "voice.wav").write_bytes(sounds.wav(12))
    home.config.write_text(REGISTRY + elsewhere(RECIPES[heading][0], emulator.url), encoding="utf-8")
    home.variables |= dict.fromkeys(re.findall(r'"env:(\w+)"', RECIPES[heading][0]), KEY)
    makes = commands(heading, account, "clone", "design")
    for words in makes:
        done = home.run(*(re.sub(r"https://files\.example/\S+", ELSEWHERE, word) for word in words))
        assert done.returncode == 0, done.stderr
        assert f"registered {account}/" in done.stdout
    home.sweep(0)
    assert home.statuses() == {"kept": len(makes)}


def elsewhere(settings: str, url: str) -> str:
    """Let a configuration's accounts be at another address; nothing else of it changes."""
    bare = re.sub(r"^base_url = .*\n", "", settings, flags=re.MULTILINE)
    return re.sub(r"^(provider = .*)$", rf'\1\nbase_url = "{url}"', bare, flags=re.MULTILINE)


def test_the_limits_told_are_those_held() -> None:
    """Its reader would cut audio or text that is good, or send what is refused."""
    told = " ".join(section(PAGE, "Before anything is sent").split())
    assert f"{VOICE.shortest:g} seconds to {VOICE.longest / 60:g} minutes; {LARGEST // 2**20} MB at most" in told
    assert f"shorter than {PROMPT.longest:g} seconds" in told
    short, long = (f"{RULES[family].longest_text:,}" for family in ("minimax", "ppinfra"))
    assert RULES["wavespeed"].longest_text == RULES["ppinfra"].longest_text
    assert f"has {short} characters at most ({long} for PPInfra and its like and for WaveSpeed)" in told
    assert f"`--text-validation` has {LONGEST_VALIDATION} at most" in told
    timeout = AccountSettings.model_fields["timeout"].default
    assert (PATIENCE, "four times the account's `timeout`" in told) == (4, True)
    assert f"{timeout * PATIENCE // timedelta(minutes=1)} minutes by default" in told
    hours = Policy().lifetime // timedelta(hours=1)
    assert f"deleted {hours} hours after" in " ".join(section(PAGE, "What holds everywhere").split())


#: What a section's "Documented" says that its family does not take, by the name of the parameter.
NOT_TAKEN = {
    "PPInfra, PPIO, Novita, Jiekou": {"language_boost": "no language boost", "aigc_watermark": "no watermark"},
    "WaveSpeed": {
        "prompt_audio": "no prompt audio",
        "prompt_text": "no prompt audio",
        "text_validation": "no text validation",
        "aigc_watermark": "no watermark",
    },
}


@pytest.mark.parametrize("heading", NOT_TAKEN)
def test_what_a_system_does_not_take_is_told(heading: str) -> None:
    """Its reader would prepare a prompt or a text for nothing."""
    family = GATEWAYS[provider(heading, next(name for place, name in ACCOUNTS if place == heading))].family
    assert set(NOT_TAKEN[heading]) == RULES["minimax"].takes - RULES[family].takes
    told = " ".join(section(PAGE, heading).split())
    assert all(words in told for words in NOT_TAKEN[heading].values())
    assert ("no voice design" in told) is not RULES[family].designs
    designed = [commands(heading, name, "design") for place, name in ACCOUNTS if place == heading]
    assert any(designed) is RULES[family].designs


def test_what_one_may_read_is_what_is_said() -> None:
    """Its reader would look for words that voicekeeper no longer says."""
    said = " ".join(path.read_text(encoding="utf-8") for path in (HOUSE / "voicekeeper").rglob("*.py"))
    quoted = [words for row in table("What you may read") for words in re.findall(r'"([^"]+)"', row["you read"])]
    assert len(quoted) > 10
    assert [words for words in quoted if words not in said] == []
