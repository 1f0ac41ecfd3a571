"""What happens together goes out as one message, the most urgent first."""

from voicekeeper.alerts.message import Form, Notice, compose
from voicekeeper.core.alert import Severity
from voicekeeper.core.wording import Language


def notices(severity: Severity, count: int, *, resolved: bool = False) -> list[Notice]:
    return [Notice(severity, f"{severity} {number}", f"body {number}", resolved) for number in range(count)]


def test_thousands_are_one_message_with_a_count() -> None:
    """If an import of 2,800 bad voices were 2,800 messages, or one that no channel takes, nobody would read it."""
    message = compose(notices(Severity.WARNING, 2800))
    assert message.title == "voicekeeper: warning 0 (and 2799 more)"
    assert "… and 2780 more" in message.body
    assert message.body.count("Warning: ") == 20
    assert len(message.body) < 5000


def test_the_most_urgent_comes_first() -> None:
    """If a lost voice stood behind twenty notices, it would be among the "more"."""
    mixed = [line for severity in Severity for line in notices(severity, 30)]
    message = compose(sorted(mixed, key=lambda line: line.title[-1]))
    assert message.severity is Severity.CRITICAL
    assert message.title.startswith("voicekeeper: critical ")
    assert message.body.count("CRITICAL: ") == 20


def test_one_line_is_told_whole() -> None:
    """If a count stood behind a single alert, its reader would look for others."""
    message = compose([Notice(Severity.INFO, "Account main works again", "It was paused for 2h.")])
    assert message.title == "voicekeeper: Account main works again"
    assert message.body == "Info: Account main works again\nIt was paused for 2h."


def test_resolved_ones_are_named_and_never_urgent() -> None:
    """If good news came as an alarm, somebody would be woken for it."""
    message = compose(notices(Severity.CRITICAL, 25, resolved=True))
    assert message.severity is Severity.INFO
    assert message.title == "voicekeeper: resolved: critical 0 (and 24 more)"
    assert message.body.count("Resolved: ") == 20
    assert "5 more resolved" in message.body


def test_what_lasts_stands_before_what_is_over() -> None:
    """If the title named what is over, what still lasts would be overlooked."""
    over = notices(Severity.CRITICAL, 1, resolved=True)
    message = compose([*over, Notice(Severity.WARNING, "lasts", "body")])
    assert (message.severity, message.title) == (Severity.WARNING, "voicekeeper: lasts (and 1 more)")
    assert message.body.endswith("Resolved: critical 0")


def test_a_title_is_one_short_line() -> None:
    """A line break in a voice's label would end a mail's subject and begin a header."""
    message = compose([Notice(Severity.INFO, "a\r\nBcc: all@example\n" + "x" * 5000, "body")])
    assert message.title.startswith("voicekeeper: a Bcc: all@example")
    assert "\n" not in message.title
    assert len(message.title) < 250


def test_what_does_not_fit_is_counted() -> None:
    """A pager that takes a thousand characters would get the first alert and no word of the other forty."""
    message = compose(notices(Severity.CRITICAL, 40), Form(room=100))
    assert len(message.body) <= 100
    assert message.body.startswith("CRITICAL: critical 0\nbody 0")
    assert message.body.endswith("… and 39 more: `voicekeeper status` shows them.")


def test_what_is_over_gives_way_to_what_lasts() -> None:
    """Good news would take the place of an alarm."""
    message = compose([*notices(Severity.CRITICAL, 2), *notices(Severity.INFO, 9, resolved=True)], Form(room=85))
    assert "critical 1" in message.body
    assert "9 more resolved" in message.body


def test_one_alert_that_is_too_long_is_cut() -> None:
    """The service would refuse it whole."""
    message = compose([Notice(Severity.INFO, "title", "x" * 5000)], Form(room=300))
    assert len(message.body) == 300
    assert message.body.endswith("…")


def test_a_message_is_no_longer_than_anybody_reads() -> None:
    """A mail server takes thirty thousand characters, and nobody reads them."""
    message = compose([Notice(Severity.INFO, f"t{n}", "x" * 3000) for n in range(20)], Form(room=10**6))
    assert len(message.body) < 8001
    assert "18 more" in message.body


def test_a_message_speaks_one_language() -> None:
    """Chinese alerts would stand below English headings."""
    message = compose([*notices(Severity.CRITICAL, 30), *notices(Severity.INFO, 1, resolved=True)], Form(Language.ZH))
    assert message.title == "voicekeeper: critical 0（另有 30 条）"
    assert message.body.startswith("【严重】critical 0\n")
    assert "另有 10 条，可用 `voicekeeper status` 查看" in message.body
    assert "【已解除】info 0" in message.body


def test_a_link_stands_below_its_alert() -> None:
    """People would have to look up the voice by hand."""
    message = compose([Notice(Severity.INFO, "title", "body", link="https://keeper.example.com/voices/main/v")])
    assert message.body == "Info: title\nbody\nhttps://keeper.example.com/voices/main/v"
