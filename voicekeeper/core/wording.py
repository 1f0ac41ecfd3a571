"""What people are told, in their language: a catalogue of sentences, filled in with an alert's facts.

An alert is stored with its facts, so that each reader can be told in a language of their own. A sentence is left out
where one of its facts is missing; of alternatives the first one counts that has all of its facts.
"""

import json
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from voicekeeper.core.duration import format_duration

#: Times are in ISO form, durations in seconds.
Fact: TypeAlias = str | int | float | None
Facts: TypeAlias = Mapping[str, Fact]
#: A sentence, or several of which the first counts that fits.
Sentence: TypeAlias = str | tuple[str, ...]


class Language(StrEnum):
    """The languages that messages are written in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of alert reads: its title, and the sentences of its body."""

    title: Sentence
    body: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is said in one language.

    `said` are the keeper's own words on what went wrong, `forms` those around something else, and `answer` the form in
    which a provider's answer stands.
    """

    alerts: Mapping[str, Words]
    phrases: Mapping[str, str]
    write: Mapping[str, Callable[[Any], str]]
    between: str
    said: Mapping[str, str]
    forms: Mapping[re.Pattern[str], str]
    answer: tuple[str, str]


#: How an answer is put into words: what it means, the evidence for it, and what would mend it.
_ANSWER = re.compile(r"(?P<words>[^(]+) \((?P<evidence>.*)\)(?:: (?P<mend>.+))?\.", re.DOTALL)


def fact(value: datetime | timedelta | Fact) -> Fact:
    """Return a value as facts hold it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


def catalogue(language: Language) -> Catalogue:
    """Return what is said in a language; it is read when it is first needed."""
    if language is Language.ZH:
        from voicekeeper.core.chinese import CHINESE  # noqa: PLC0415 - both are built from what this module defines

        return CHINESE
    from voicekeeper.core.english import ENGLISH  # noqa: PLC0415 - likewise

    return ENGLISH


def render(kind: str, facts: Facts, language: Language = Language.EN) -> tuple[str, str]:
    """Return the title and the body of an alert; raise LookupError for a kind that there is not."""
    words = catalogue(language)
    said = _worded(facts, words)
    told = words.alerts[kind]
    lines = (_fitting(sentence, said, words) for sentence in told.body)
    return _fitting(told.title, said, words), words.between.join(line for line in lines if line)


def reworded(own: tuple[str, str], kind: str, facts: Facts, language: Language) -> tuple[str, str]:
    """Return title and body in a language; their own words where another version wrote what is not known here."""
    try:
        return render(kind, facts, language)
    except (LookupError, TypeError, ValueError):
        return own


def phrase(name: str, language: Language = Language.EN, **facts: Fact) -> str:
    """Return one of the phrases that messages are put together with."""
    words = catalogue(language)
    return _fitting(words.phrases[name], facts, words)


def fill(sentence: Sentence, language: Language, /, **facts: Fact) -> str:
    """Fill in a sentence from elsewhere, with times, spans, numbers and known answers as the language writes them."""
    words = catalogue(language)
    return _fitting(sentence, _worded(facts, words), words)


def answered(text: str, language: Language) -> str:
    """Return what is known of a provider's answer in a language; what the provider itself said stays as it is."""
    return _said(text, catalogue(language))


def pack(kind: str, facts: Facts) -> str:
    """Write facts as the registry holds them."""
    return json.dumps({"kind": kind} | {name: value for name, value in facts.items() if value not in {None, ""}})


def unpack(packed: str) -> tuple[str, Facts]:
    """Read what `pack` has written; raise ValueError for anything else."""
    read = json.loads(packed)
    if not isinstance(read, dict) or not isinstance(read.get("kind"), str):
        raise ValueError("no facts")  # noqa: TRY004 - one error for whatever else stands there
    return read.pop("kind"), read


def fields(sentence: Sentence) -> frozenset[str]:
    """Return the facts that a sentence, or any of its alternatives, can use."""
    return frozenset(name for one in _alternatives(sentence) for name in _needed(one))


def _worded(facts: Facts, words: Catalogue) -> Facts:
    return {name: _said(value, words) if isinstance(value, str) else value for name, value in facts.items()}


def _said(text: str, words: Catalogue) -> str:
    """Put the keeper's own words into the language; what the provider itself said stays as it is."""
    found = _ANSWER.fullmatch(text)
    if found is None or found["words"] not in words.said:
        return words.said.get(text) or _around(text, words)
    mend = found["mend"] and words.said.get(found["mend"], found["mend"])
    return words.answer[bool(mend)].format(words=words.said[found["words"]], evidence=found["evidence"], mend=mend)


def _around(text: str, words: Catalogue) -> str:
    """Put a sentence that holds another one into the language, and what it holds."""
    for pattern, form in words.forms.items():
        if found := pattern.fullmatch(text):
            return form.format(*(_said(part, words) for part in found.groups()))
    return text


class _Filler(string.Formatter):
    """Fills a sentence in: `{deadline:time}` is written as the language writes times."""

    def __init__(self, write: Mapping[str, Callable[[Any], str]]) -> None:
        self._write = write

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - as in the base
        return self._write[format_spec](value) if format_spec else str(value)


def _fitting(sentence: Sentence, facts: Facts, words: Catalogue) -> str:
    """Fill in the first alternative that has all its facts; nothing where none has."""
    for one in _alternatives(sentence):
        if all(facts.get(name) not in {None, ""} for name in _needed(one)):
            return _Filler(words.write).vformat(one, (), facts)
    return ""


def _alternatives(sentence: Sentence) -> tuple[str, ...]:
    return (sentence,) if isinstance(sentence, str) else sentence


def _needed(sentence: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(sentence) if name]


def write_time(iso: str) -> str:
    """Write a time to the minute, in UTC."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


def write_second(iso: str) -> str:
    """Write a time to the second, in UTC."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"


def clause(text: str) -> str:
    """Write a text without its full stop, for the middle of a sentence."""
    return text.rstrip(" .。")


def mark(_: object) -> str:
    """Write nothing: a fact that only chooses its sentence."""
    return ""


def write_span(seconds: float) -> str:
    """Write a duration like "2d 4h"."""
    return format_duration(timedelta(seconds=seconds))


def write_count(count: int) -> str:
    """Write a number with its thousands apart."""
    return f"{count:,}"
