"""What happens together goes out as one message: the most urgent first, and a count for the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicekeeper.core.alert import Severity
from voicekeeper.core.wording import Fact, Language, phrase

_SHOWN = 20
#: More than this nobody reads, whatever a channel takes.
_LONGEST = 8000
_LONGEST_TITLE = 200
_URGENCY = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell; `link` leads to it, where there is somewhere to look."""

    severity: Severity
    title: str
    body: str
    resolved: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A title, a plain text, and how much it hurries."""

    severity: Severity
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Form:
    """In which language a message is, and how many characters its text may have."""

    language: Language = Language.EN
    room: int = _LONGEST

    def say(self, name: str, **facts: Fact) -> str:
        """Return a phrase in its language."""
        return phrase(name, self.language, **facts)

    @property
    def most(self) -> int:
        """The characters that a text may have: what the channel takes, and a person reads."""
        return min(self.room, _LONGEST)


def compose(notices: Sequence[Notice], form: Form | None = None) -> Message:
    """Put everything that is to be told, one notice at least, into one message that the channel takes whole."""
    form = form or Form()
    raised = sorted((one for one in notices if not one.resolved), key=lambda one: _URGENCY.index(one.severity))
    over = [one for one in notices if one.resolved]
    shares = [(raised, "more", [_told(one, form) for one in raised[:_SHOWN]])]
    shares.append((over, "more_resolved", [_ended(one, form) for one in over[:_SHOWN]]))
    worst = raised[0].severity if raised else Severity.INFO
    return Message(worst, _title(raised, over, form), _fitted(shares, form))


def titled(name: str) -> str:
    """Return a title with the sender before it, on one short line."""
    return f"voicekeeper: {' '.join(name.split())[:_LONGEST_TITLE]}"


def _told(one: Notice, form: Form) -> str:
    lines = (form.say(one.severity.value, title=one.title), one.body, one.link)
    return "\n".join(line for line in lines if line)


def _ended(one: Notice, form: Form) -> str:
    return form.say("resolved", title=one.title)


def _fitted(shares: Sequence[tuple[Sequence[Notice], str, list[str]]], form: Form) -> str:
    """Leave out from the end what does not fit, and count it; the first notice alone is cut."""
    parts = [list(texts) for _, _, texts in shares]
    while True:
        lines = []
        for (all_of_them, more, _), shown in zip(shares, parts, strict=True):
            left = len(all_of_them) - len(shown)
            lines += [*shown, *([form.say(more, count=left)] if left else [])]
        text = _BETWEEN.join(lines)
        if len(text) <= form.most or sum(map(len, parts)) <= 1:
            return text if len(text) <= form.most else f"{text[: form.most - 1]}…"
        next(shown for shown in reversed(parts) if shown).pop()


def _title(raised: Sequence[Notice], over: Sequence[Notice], form: Form) -> str:
    """Name the first thing, and say how many there are."""
    first = (raised or over)[0]
    name = " ".join((first.title if raised else form.say("head_resolved", title=first.title)).split())[:_LONGEST_TITLE]
    more = len(raised) + len(over) - 1
    return f"voicekeeper: {form.say('and_more', title=name, count=more) if more else name}"
