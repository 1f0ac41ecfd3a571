"""What an account may say beside its key: own certificates, a group, and how many calls at once."""

from pathlib import Path

import pytest
import trustme

from voicekeeper import config
from voicekeeper.config import Settings
from voicekeeper.configured import access, line
from voicekeeper.core.errors import ConfigError
from voicekeeper.wiring import connection


def written(folder: Path, provider: str, *lines: str) -> Path:
    path = folder / "voicekeeper.toml"
    account = [f'provider = "{provider}"', 'api_key = "sk-1"', *lines]
    path.write_text('[registry]\nurl = "sqlite:///r.db"\n[accounts.main]\n' + "\n".join(account), encoding="utf-8")
    return path


def loaded(folder: Path, provider: str, *lines: str) -> Settings:
    return config.load(written(folder, provider, *lines))


def test_certificates_are_found_beside_the_configuration(tmp_path: Path) -> None:
    """Both cron and systemd would look for them in other folders than the shell."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    account = loaded(tmp_path, "minimax-cn", 'ca_file = "ca.pem"').accounts["main"]
    assert access(account).ca_file == str(tmp_path / "ca.pem")
    assert "ca_file" not in loaded(tmp_path, "minimax-cn").accounts["main"].model_dump(exclude_none=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "no certificate"),
        (b"\xff\xfe binary", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"x" * (2**20 + 1), "longer than a megabyte"),
    ],
    ids=["missing", "empty", "binary", "broken", "huge"],
)
def test_certificates_that_cannot_be_used_are_refused_at_the_start(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """Every call would fail at night, instead of the start by day."""
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    path = written(tmp_path, "minimax-cn", 'ca_file = "ca.pem"')
    with pytest.raises(ConfigError, match=words) as refused:
        config.load(path)
    assert f"{path}: accounts.main.ca_file: " in str(refused.value)
    assert config.load(path, secrets=False).accounts["main"].ca_file == "ca.pem"


def test_a_private_key_is_no_certificate_and_is_not_shown(tmp_path: Path) -> None:
    """A mistaken file would be quoted in the error, key and all."""
    trustme.CA().private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    with pytest.raises(ConfigError, match="no certificate") as refused:
        loaded(tmp_path, "minimax-cn", 'ca_file = "key.pem"')
    assert "PRIVATE" not in str(refused.value)


@pytest.mark.parametrize("provider", ["minimax-cn", "minimax-global", "kkiai"])
def test_a_group_belongs_to_minimaxs_family(tmp_path: Path, provider: str) -> None:
    """Older keys of these need it."""
    assert access(loaded(tmp_path, provider, 'group_id = "1789"').accounts["main"]).group_id == "1789"


@pytest.mark.parametrize("provider", ["ppinfra", "wavespeed"])
def test_a_group_is_refused_where_there_are_none(tmp_path: Path, provider: str) -> None:
    """A setting that does nothing would be believed to do something."""
    with pytest.raises(ConfigError, match=r"group_id: .* knows no groups"):
        loaded(tmp_path, provider, 'group_id = "1789"')


@pytest.mark.parametrize("value", ["", "a b", "1&x=2", "x" * 65])
def test_a_group_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    """A slip would become part of every address."""
    with pytest.raises(ConfigError, match="group_id"):
        loaded(tmp_path, "minimax-cn", f'group_id = "{value}"')


@pytest.mark.parametrize(
    ("provider", "lines", "at_once"),
    [("minimax-cn", [], 4), ("wavespeed", [], 3), ("wavespeed", ["max_concurrency = 12"], 12)],
)
async def test_calls_at_once_are_the_gateways_unless_said(
    tmp_path: Path, provider: str, lines: list[str], at_once: int
) -> None:
    """WaveSpeed's smallest plan would refuse every fourth call."""
    settings = loaded(tmp_path, provider, *lines)
    account = settings.accounts["main"]
    assert line(settings, "main", connection(account), 1.0).concurrency == at_once
    assert access(account).connections == at_once
