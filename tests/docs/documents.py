"""What the documents say: their code blocks, the commands in them, and the files of the checkout."""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
MARKDOWN = (
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/alerts.md",
    "docs/api.md",
    "docs/dashboard.md",
    "docs/architecture.md",
    "docs/deploy.md",
    "docs/money.md",
    "docs/performance.md",
    "docs/policies.md",
    "docs/providers.md",
    "docs/reliability.md",
)
UNITS = ("voicekeeper.service", "voicekeeper-run.service", "voicekeeper-run.timer")
#: Where the deploy files expect the command.
INSTALLED = "/usr/local/bin/voicekeeper"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s'`/])voicekeeper (?!voicekeeper\b)((?:-|[a-z])[^`|]*)")


def read(name: str) -> str:
    """Return a file of the checkout."""
    return (HOUSE / name).read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """Return a Markdown file's section of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", read(name), re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no section {heading!r}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [body for kind, body in _BLOCK.findall(text) if kind == language]


def inline(text: str) -> list[str]:
    """Return what stands between backticks outside of blocks."""
    return re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))


def commands(name: str) -> list[list[str]]:
    """Return the arguments of every command line of voicekeeper in a file; optional words and comments are left out."""
    text = read(name)
    if name.startswith("deploy/"):
        lines = [line for line in text.splitlines() if not line.startswith("#")]
    else:
        code = [line for _, body in _BLOCK.findall(text) for line in body.splitlines()]
        lines = [*code, *(f"`{words}`" for words in inline(text))]
    found = [_COMMAND.search(line) for line in lines]
    return [shlex.split(one[1].strip(" '"), comments=True) for one in found if one]


def settings_of_unit(name: str) -> list[tuple[str, str, str]]:
    """Return a unit file's settings as (section, key, value), in its order."""
    found, part = [], ""
    for line in read(f"deploy/systemd/{name}").splitlines():
        if line.startswith("["):
            part = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((part, key, value))
    return found


def require(tool: str) -> str:
    """Return where a tool is; skip the test where it is not, or fail where everything is asked for."""
    path = shutil.which(tool)
    if path:
        return path
    if os.environ.get("VOICEKEEPER_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"{tool} is not on this machine")
    pytest.skip(f"{tool} is not on this machine")
