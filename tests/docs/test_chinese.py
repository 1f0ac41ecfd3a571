"""README.zh-CN.md says what README.md says: the same commands, settings, links and figures in the same sections."""

import re
from collections import Counter

import pytest

from tests.docs.documents import inline, read

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)]+)\)")
_COMMENT = re.compile(r"\s+#.*$|^    (?=make)", re.MULTILINE)


def parts(name: str) -> list[tuple[str, str]]:
    """Return a file's sections as (heading, text); the first is what stands above all headings."""
    first, *rest = re.split(r"^## ", read(name), flags=re.MULTILINE)
    return [("the first screen", first), *((text.partition("\n")[0], text.partition("\n")[2]) for text in rest)]


PAIRS = [
    pytest.param(english, chinese, id=heading)
    for (heading, english), (_, chinese) in zip(parts(ENGLISH), parts(CHINESE), strict=False)
]


def code(text: str) -> list[tuple[str, str]]:
    """Return the blocks without their comments, which are in the reader's language."""
    return [(kind, _COMMENT.sub("", body)) for kind, body in _FENCED.findall(text)]


def prose(text: str) -> str:
    return _FENCED.sub("", text)


def links(text: str) -> list[str]:
    return sorted(link for link in _LINK.findall(text) if not link.startswith("README"))


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d[\d,.:]*\d|\d", prose(text)))


def test_both_have_the_same_sections():
    """A section would be there for readers of one language only."""
    assert len(parts(ENGLISH)) == len(parts(CHINESE))


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_section_has_the_same_commands_and_settings(english: str, chinese: str):
    """A reader of Chinese would type something that is gone, or not learn of what is new."""
    assert code(chinese) == code(english)
    assert Counter(inline(chinese)) == Counter(inline(english))


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_section_leads_to_the_same_places(english: str, chinese: str):
    """A page would be found by readers of one language only."""
    assert links(chinese) == links(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_section_tells_the_same_figures(english: str, chinese: str):
    """A deadline, a limit or a price would be told otherwise in the other language."""
    assert figures(chinese) == figures(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_section_has_the_same_items(english: str, chinese: str):
    """An item of a list or a row of a table would have been forgotten."""
    items = re.compile(r"^(?:- |\|)", re.MULTILINE)
    assert len(items.findall(prose(chinese))) == len(items.findall(prose(english)))


def test_each_leads_to_the_other():
    """Nobody would find the page in their language."""
    assert f"]({CHINESE})" in read(ENGLISH).partition("\n## ")[0]
    assert f"]({ENGLISH})" in read(CHINESE).partition("\n## ")[0]
