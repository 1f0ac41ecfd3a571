"""Languages: both say the same things with the same facts, and what a provider means is said in the reader's."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.core_cases import HOUR, START, a_voice, an_answer
from voicekeeper.core import alert
from voicekeeper.core.alert import Alert
from voicekeeper.core.channel import Rhythm
from voicekeeper.core.chinese import CHINESE
from voicekeeper.core.cloning import Begun, doubted
from voicekeeper.core.digest import AHEAD, Figures, digest
from voicekeeper.core.english import ENGLISH
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.core.wording import Language, Words, fields, pack, render, reworded, unpack

ANNA = a_voice(label="外婆 (Grandmother)")
BEGUN = Begun(account="main", voice_id="anna", cloned_at=START)
SAID = "the balance is too low (code 1008: insufficient balance): top up the account."

ALERTS: dict[str, Alert] = {
    "lost": alert.lost(ANNA, SAID),
    "lost on hold": alert.lost(replace(ANNA, intent=Intent.HOLD), ""),
    "rung": alert.rung(ANNA, HOUR, START),
    "rung of a tried one": alert.rung(replace(ANNA, attempts=3, last_error=SAID), HOUR, START),
    "rung of a blocked one": alert.rung(replace(ANNA, last_error=SAID), HOUR, START),
    "rung on hold": alert.rung(replace(ANNA, intent=Intent.HOLD), HOUR, START),
    "refused": alert.refused(ANNA, an_answer(Outcome.REFUSED, message=SAID)),
    "missing": alert.missing(ANNA, an_answer(Outcome.NOT_FOUND, message=SAID)),
    "unworkable": alert.unworkable(ANNA, "a voice_id begins with a letter"),
    "paused": alert.paused("main", SAID, 3 * HOUR),
    "paused with nothing near": alert.paused("main", SAID, None),
    "unknown": alert.unknown_account("mian"),
    "overdue": alert.overdue("main", 12, START, HOUR, START),
    "failing": alert.failing("main", START, SAID, [START + HOUR], START),
    "failing without a reason": alert.failing("main", START, None, [START, START + HOUR], START),
    "unsavable": alert.unsavable("main", 12, START, START, ["requests_per_minute = 34", "budget_per_day = 99"]),
    "unsavable, whatever is changed": alert.unsavable("main", 1, START, START, []),
    "broken": alert.broken_source("app", "no such table"),
    "rows": alert.refused_rows("app", 9, ["row 1", "row 2"]),
    "channel": alert.channel_fails("one", "slack://T1", START),
    "cloning": doubted(1, BEGUN, "its answer is not known"),
    "cloning without a name": doubted(1, replace(BEGUN, voice_id=None, label="x"), "its answer is not known"),
}


def sentences(words: Words) -> Iterator[frozenset[str]]:
    yield fields(words.title)
    yield from (fields(sentence) for sentence in words.body)


def test_both_languages_say_the_same_things() -> None:
    """An alert would fail to be written in one of them, and be told in the other without a word."""
    assert ENGLISH.alerts.keys() == CHINESE.alerts.keys()
    assert ENGLISH.phrases.keys() == CHINESE.phrases.keys()
    assert ENGLISH.write.keys() == CHINESE.write.keys()


@pytest.mark.parametrize("kind", ENGLISH.alerts)
def test_both_languages_use_the_same_facts(kind: str) -> None:
    """A deadline or a command would be told to some readers only."""
    both = [frozenset().union(*sentences(words.alerts[kind])) for words in (ENGLISH, CHINESE)]
    assert both[0] == both[1]


@pytest.mark.parametrize("name", ENGLISH.phrases)
def test_both_languages_use_the_same_facts_in_phrases(name: str) -> None:
    """A count would be told to some readers only."""
    assert fields(ENGLISH.phrases[name]) == fields(CHINESE.phrases[name])


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize("language", Language)
def test_every_alert_reads_in_every_language(name: str, language: Language) -> None:
    """A message would have holes in it, or could not be made from what the registry holds."""
    one = ALERTS[name]
    kind, facts = unpack(pack(one.kind, one.facts))
    title, body = render(kind, facts, language)
    assert title
    assert body
    assert not {"{", "}"} & set(title + body)
    assert "  " not in title + body
    assert "None" not in (title + body).replace("None of its voices", "")
    if language is Language.EN:
        assert (title, body) == (one.title, one.body)
    else:
        assert any("\u4e00" <= char <= "\u9fff" for char in title)
        assert any("\u4e00" <= char <= "\u9fff" for char in body)


def test_what_a_provider_answered_is_said_in_the_readers_language() -> None:
    """The reason, of all things, would be in a language that its reader does not know."""
    one = ALERTS["paused"]
    assert "余额不足（code 1008: insufficient balance）：请充值。" in render(one.kind, one.facts, Language.ZH)[1]
    assert SAID in one.body


def test_what_is_not_ours_stays_as_it_is() -> None:
    """A provider's own words would be lost."""
    facts = {"account": "main", "reason": "Something (else): entirely"}
    assert "Something (else): entirely。" in render("paused", facts, Language.ZH)[1]


@pytest.mark.parametrize(
    ("own", "chinese"),
    [
        ("no whole answer within 30 s", "30 秒内没有收到完整应答"),
        ("could not connect: ConnectError", "无法连接：ConnectError"),
        ("the connection broke: ReadError", "连接中断：ReadError"),
        ("throttled for another 5m", "限流，还需 5m"),
        ("its answer is not known: no whole answer within 30 s", "应答未知：30 秒内没有收到完整应答"),
        ("Task 17: too many requests (code 1002).", "任务 17：too many requests (code 1002)"),
        ("voicekeeper itself failed: KeyError.", "voicekeeper 自身出错：KeyError"),
    ],
)
def test_what_went_wrong_on_the_way_is_said_in_the_readers_language(own: str, chinese: str) -> None:
    """In an outage, of all times, the reason would be in a language that its reader does not know."""
    assert f"原因：{chinese}。" in render("paused", {"account": "main", "reason": own}, Language.ZH)[1]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", ALERTS)
def test_no_sentence_ends_twice(name: str, language: Language) -> None:
    """Whoever reads "account.." or "。。" trusts the rest less."""
    body = render(ALERTS[name].kind, ALERTS[name].facts, language)[1]
    assert not re.search(r"(?<!\.)[.]{2}(?!\.)|。。|[.]。|。[.]", body)


def test_an_alert_of_another_version_keeps_its_own_words() -> None:
    """One row that cannot be read would stop all alerts for good."""
    own = ("title", "body")
    assert reworded(own, "", {}, Language.ZH) == own
    assert reworded(own, "a kind of tomorrow", {}, Language.EN) == own
    assert reworded(own, "overdue", {"deadline": "tomorrow", "grace": 1}, Language.EN) == own


@pytest.mark.parametrize("origin", Origin)
def test_a_lost_voice_comes_with_the_command_that_makes_it_anew(origin: Origin) -> None:
    """Its owner would have to look up how, and type account, name and label again."""
    told = alert.lost(a_voice(label="Grandmother's", origin=origin), "gone").body
    words = shlex.split(told.split("`")[1])
    assert words[:2] == ["voicekeeper", origin.value]
    assert words[words.index("--account") + 1 :][:1] == ["main"]
    assert words[words.index("--voice-id") + 1 :][:1] == ["Anna-0001"]
    assert words[words.index("--label") + 1 :][:1] == ["Grandmother's"]


@pytest.mark.parametrize("language", Language)
def test_a_digest_reads_in_every_language(language: Language) -> None:
    """The figures would be there and their meaning would not."""
    figures = Figures(
        since=START,
        ahead=AHEAD[Rhythm.WEEKLY],
        kept=3,
        lost=1,
        spent={"CNY": Decimal("29.7"), "": Decimal(1)},
        waiting=8,
    )
    title, body = digest(replace(figures, coming=4, first=START + HOUR), Rhythm.WEEKLY, language)
    assert title
    assert all(figure in body for figure in ("3", "1", "29.70 CNY", "8", "4", "2026-03-01 13:00 UTC"))
    assert len(body.splitlines()) == 6
    assert len(digest(figures, Rhythm.DAILY, language)[1].splitlines()) == 6
