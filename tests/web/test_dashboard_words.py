"""The dashboard's words: both languages say everything, with the same facts, and the pages ask for nothing else."""

import re
from pathlib import Path

import pytest

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.core.wording import Language, fields
from voicekeeper.registry.several import Wish
from voicekeeper.web import dashboard
from voicekeeper.web.dashboard.chinese import CHINESE
from voicekeeper.web.dashboard.english import ENGLISH
from voicekeeper.web.dashboard.listing import NEARNESS
from voicekeeper.web.dashboard.speech import preferred, say

FOLDER = Path(dashboard.__file__).parent
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (*FOLDER.glob("*.py"), *FOLDER.glob("templates/*")))
#: Words that are chosen by a value: what stands before it, and the values.
CHOSEN = {
    "status_": [one.value for one in Status],
    "intent_": [one.value for one in Intent],
    "origin_": [one.value for one in Origin],
    "outcome_": [*(one.value for one in Outcome), "under_way"],
    "wish_": [one.value for one in Wish],
    "done_": [one.value for one in Wish],
    "sure_": ["keep", "release", "retry"],
    "yes_": ["keep", "release", "retry"],
    "follows_": ["keep", "release", "retry"],
    "within_": list(NEARNESS),
    "level_": ["bad", "warn", "info"],
    "severity_": ["info", "warning", "critical"],
    "tag_": ["en", "zh"],
    "name_": ["en", "zh"],
}


def test_both_languages_say_the_same() -> None:
    """A page would end in a 500 in one language, or lack a fact in it."""
    assert ENGLISH.keys() == CHINESE.keys()
    assert {key: fields(ENGLISH[key]) for key in ENGLISH} == {key: fields(CHINESE[key]) for key in CHINESE}


def test_everything_that_is_chosen_by_a_value_is_there() -> None:
    """A voice with a rare status would end in a 500."""
    assert not [
        f"{start}{value}" for start, values in CHOSEN.items() for value in values if start + value not in ENGLISH
    ]


def test_no_word_is_missing_and_none_is_left_over() -> None:
    """A page that is seldom seen would end in a 500, or the catalogue keep what nobody says."""
    asked = set(re.findall(r'say\("([a-z_0-9]+)"', SOURCES)) | set(re.findall(r"say\('([a-z_0-9]+)'", SOURCES))
    asked |= set(re.findall(r'"(need_[a-z_]+)"', SOURCES)) | set(re.findall(r'row\("([a-z_]+)"', SOURCES))
    asked |= {"problem_title", "problem_403", "problem_404", "problem_405", "problem_503"}
    chosen = {start + value for start, values in CHOSEN.items() for value in values}
    assert {name for name in asked if not name.endswith("_")} - ENGLISH.keys() == set()
    assert ENGLISH.keys() - asked - chosen == set()


def test_numbers_and_spans_are_written_as_the_language_does() -> None:
    """A million would be hard to read, or a Chinese page tell days in English."""
    assert (
        say(Language.EN, "need_past", n=1234567) == "Past the deadline and not kept: 1,234,567. They are still tried."
    )
    assert say(Language.ZH, "ahead", span=90000.0) == "1 天 1 小时后"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh", "zh"), ("zh-TW", "zh"), ("en-GB,zh;q=0.9", "en"), ("en;q=0.1,zh;q=0.2", "zh"), ("de,fr", "en"),
     ("zh;q=0", "en"), ("*", "en"), ("zh;q=1e5", "zh"), ("zh;q=-1", "zh"), ("," * 5000, "en"), ("ZH", "zh")],
)  # fmt: skip
def test_the_language_that_a_browser_would_rather_have(accepted: str, language: str) -> None:
    """A reader would get the other language, or a strange header an error."""
    assert preferred(accepted) == language


def test_templates_hold_no_script_and_no_style() -> None:
    """What the page's own policy forbids would silently not work."""
    templates = [path.read_text(encoding="utf-8") for path in FOLDER.glob("templates/*")]
    for text in templates:
        assert not re.findall(
            r"<script|<style|\sstyle=|\son[a-z]+=|javascript:|\|safe(?!\s+if (?:kept|this_page))", text
        )
