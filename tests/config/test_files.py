"""Finding the configuration, and files that are none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from voicekeeper.config import find, load
from voicekeeper.core.errors import ConfigError

NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[None]:
    """Give up root for a moment: root may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{path}: ")
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"registry = ", "is not TOML: Invalid value (at end of document)"),
        (b"[registry\n", "is not TOML: "),
        (b'[registry]\nurl = "\xff\xfe"\n', "is not UTF-8 text (invalid start byte at byte 18): save it as UTF-8"),
        (b"\x00\x01\x02ELF", "is not TOML: "),
        (b"x = " + b"[" * 100_000, "is not TOML"),
        (b"# " + b"x" * 1_000_000, "longer than a megabyte"),
    ],
)
def test_no_toml(tmp_path: Path, content: bytes, words: str) -> None:
    """If it ended in a traceback, its writer would not see which file is meant."""
    path = tmp_path / "voicekeeper.toml"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_folder(tmp_path: Path) -> None:
    """A folder given for a file is a usual slip."""
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    """If it were passed over, another configuration than the one named would be used."""
    assert "cannot be read: No such file or directory" in refusal(tmp_path / "none.toml")


def test_a_file_that_links_to_itself(tmp_path: Path) -> None:
    """If it ended in a traceback, its reader would not see which file is meant."""
    path = tmp_path / "loop.toml"
    path.symlink_to(path)
    assert "cannot be read: Too many levels" in refusal(path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    """A file that only root may read is usual: the reader must hear that it is that."""
    path = tmp_path / "voicekeeper.toml"
    path.write_text('[registry]\nurl = "sqlite:///v.db"\n')
    path.chmod(0)
    with unprivileged():
        assert "cannot be read: Permission denied" in refusal(path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder with no configuration named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOICEKEEPER_CONFIG", raising=False)
    return tmp_path


def test_the_nearer_place_wins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another order held, a file would be read that nobody meant."""
    (here / "voicekeeper.toml").touch()
    assert find(None) == Path("voicekeeper.toml")
    monkeypatch.setenv("VOICEKEEPER_CONFIG", "named.toml")
    assert find(None) == Path("named.toml")
    assert find("given.toml") == Path("given.toml")


@pytest.mark.usefixtures("here")
@pytest.mark.skipif(Path("/etc/voicekeeper/config.toml").exists(), reason="this machine has one")
def test_no_configuration_says_where_it_was_sought() -> None:
    """If it did not, a beginner would not know where to put one."""
    with pytest.raises(ConfigError, match=r"\$VOICEKEEPER_CONFIG, voicekeeper\.toml, /etc/voicekeeper/config\.toml"):
        find(None)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """An editor on Windows writes one, and "invalid statement" would be said of what looks right."""
    path = tmp_path / "voicekeeper.toml"
    path.write_text('\ufeff[registry]\nurl = "sqlite:///v.db"\n', encoding="utf-8")
    assert load(path).registry.url.reveal() == "sqlite:///v.db"
