"""The example shows every setting and no other, and every configuration in the documents can be loaded."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import BaseModel

from tests.docs.documents import blocks, read, section, settings_of_unit
from voicekeeper import config
from voicekeeper.config import AccountSettings, Settings, SourceSettings
from voicekeeper.core.duration import format_duration
from voicekeeper.core.schedule import Policy
from voicekeeper.providers.gateways import GATEWAYS

_OPTIONAL = re.compile(r"^# (?=[a-z0-9_]+ = |\[[a-z.]+\]$)", re.MULTILINE)
#: What the example shows as it may look: it has no default, or an empty one.
_SHOWN = {
    "urls",
    "channels",
    "public_url",
    "heartbeat_url",
    "api_token",
    "price_per_voice",
    "price_per_10k_characters",
    "currency",
    "budget_per_day",
    "budget_per_month",
    "group_id",
    "ca_file",
}


def whole_example() -> str:
    """The example with every optional setting switched on."""
    return _OPTIONAL.sub("", read("config.example.toml"))


def sections() -> dict[str, type[BaseModel]]:
    """Every section of the configuration and its settings, by the name that the example gives it."""
    fields = Settings.model_fields.items()
    kinds = {name: field.annotation for name, field in fields if name not in ("accounts", "sources")}
    named = {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    assert named.keys() == kinds.keys(), "a section that this test cannot look into"
    return named | {"accounts.main": AccountSettings, "sources.app": SourceSettings}


def load(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load a configuration with the environment variables that it names."""
    path = folder / "voicekeeper.toml"
    path.write_text(text, encoding="utf-8")
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in re.findall(r'"env:(\w+)"', text):
        address = "postgresql://host/app" if name.endswith("_DATABASE_URL") else "https://example.test/x"
        monkeypatch.setenv(name, address if name.endswith("_URL") else "sk-test")
    return config.load(path)


def raw_section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    for part in name.split("."):
        raw = raw[part]
    return raw


@pytest.mark.parametrize("name", sections())
def test_the_example_has_every_setting_and_no_other(name: str):
    """A setting would exist that nobody finds, or be shown that is refused."""
    shown = raw_section(tomllib.loads(whole_example()), name)
    assert set(shown) == set(sections()[name].model_fields)


def test_the_example_has_every_section_and_no_other():
    """A whole section would be missing in the example, or be refused."""
    assert set(tomllib.loads(whole_example())) == set(Settings.model_fields)


def test_the_example_loads_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever copies the example and sets the key would be told of mistakes."""
    assert list(load(read("config.example.toml"), tmp_path, monkeypatch).accounts) == ["main"]


@pytest.mark.parametrize("name", sections())
def test_what_the_example_shows_is_the_default(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example would tell a default that is not the program's."""
    loaded: Any = load(whole_example(), tmp_path, monkeypatch)
    named = {"accounts.main": loaded.accounts["main"], "sources.app": loaded.sources["app"]}
    shown = named.get(name) or getattr(loaded, name)
    for key, field in sections()[name].model_fields.items():
        if not field.is_required() and field.default is not None and key not in _SHOWN:
            assert getattr(shown, key) == field.default, key


def test_an_account_shows_its_providers_and_keeps_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example would tell a limit, model or address that its provider does not have."""
    loaded = load(whole_example(), tmp_path, monkeypatch)
    account = loaded.accounts["main"]
    own = account.gateway
    assert (account.base_url, account.path_prefix) == (own.base_url, own.prefix)
    assert (account.model, account.requests_per_minute) == (own.model, own.requests_per_minute)
    assert account.max_concurrency == own.max_concurrency
    assert loaded.policies["main"] == loaded.default_policy == Policy()


@pytest.mark.parametrize("provider", GATEWAYS)
def test_the_example_names_every_provider(provider: str):
    """Nobody would find out that their gateway is known."""
    assert provider in read("config.example.toml")


def test_the_readmes_configuration_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The configuration that a newcomer copies would be refused."""
    loaded = load("\n".join(blocks(read("README.md"), "toml")), tmp_path, monkeypatch)
    assert loaded.accounts["main"].provider == "minimax-cn"
    assert loaded.alerts.heartbeat_url is not None


@pytest.mark.parametrize("page", ["docs/alerts.md", "docs/api.md", "docs/dashboard.md"])
def test_a_pages_settings_load(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A setting that a page shows would be refused, or have no effect below a heading that is misspelt."""
    shown = "\n".join(blocks(read(page), "toml"))
    loaded = load(f"{blocks(read('README.md'), 'toml')[0]}\n{shown}", tmp_path, monkeypatch)
    for section_name, settings in tomllib.loads(shown).items():
        assert settings.keys() <= getattr(loaded, section_name).model_fields_set


def test_the_readme_tells_when_people_are_warned():
    """Somebody would wait for a warning that never comes."""
    *rungs, last = [f"{rung.total_seconds() / 3600:g}" for rung in Policy().warn_before]
    told = " ".join(section("README.md", "Alerts").split())
    assert f"{', '.join(rungs)} and {last} hours before its deadline" in told
    repeat = Settings.model_fields["alerts"].default.repeat_every
    assert f"repeated every {format_duration(repeat).rstrip('h')} hours" in told


def test_the_units_configuration_fits_the_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The daemon would look for its key or its registry where the unit does not put it."""
    for unit in ("voicekeeper.service", "voicekeeper-run.service"):
        settings = {key: value for _, key, value in settings_of_unit(unit)}
        credential = settings["LoadCredential"].partition(":")[0]
        (tmp_path / credential).write_text("sk-test\n")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        loaded = load(read("deploy/systemd/config.toml"), tmp_path, monkeypatch)
        assert loaded.accounts["main"].api_key.source == f"credential:{credential}"
        assert loaded.accounts["main"].api_key.reveal() == "sk-test"
        assert loaded.registry.url.reveal().startswith(f"sqlite:////var/lib/{settings['StateDirectory']}/")
