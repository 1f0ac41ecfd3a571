"""What people are told: which voice, what happened, and what would mend it."""

from collections.abc import Callable

import pytest

from tests.core.core_cases import HOUR, LIFETIME, MINUTE, START, a_voice, an_answer
from voicekeeper.core import alert
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.duration import format_duration
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Voice

NEAR = START + LIFETIME - 5 * HOUR
FAILED = a_voice(attempts=4, last_outcome="transient", last_error="internal error at the provider")

TOLD: dict[str, tuple[Callable[[Voice, str], Alert], str]] = {
    "lost": (alert.lost, "cloned again"),
    "rung": (lambda voice, _: alert.rung(voice, 6 * HOUR, NEAR), "is a sweep running"),
    "refused": (
        lambda voice, words: alert.refused(voice, an_answer(Outcome.REFUSED, message=words)),
        "change keep.text",
    ),
    "missing": (
        lambda voice, words: alert.missing(voice, an_answer(Outcome.NOT_FOUND, message=words)),
        "another account",
    ),
}


@pytest.mark.parametrize("kind", list(TOLD))
@pytest.mark.parametrize("words", ["there is no such voice.", ""])
def test_an_alert_names_its_voice_and_the_mend(kind: str, words: str) -> None:
    """If it did not, whoever is woken at night would not know what to do about which voice."""
    make, mend = TOLD[kind]
    told = make(a_voice(), words)
    assert "main/Anna-0001" in told.title
    assert mend in told.body
    assert told.body == told.body.strip()
    if kind != "rung":
        assert words in told.body
    if kind != "refused":
        assert "2026-03-08 12:00 UTC" in told.body


def test_an_account_that_is_paused_says_why_and_what_waits() -> None:
    """If it did not, nobody would top up in time."""
    told = alert.paused("main", "The balance is too low: top up the account.", 3 * HOUR)
    assert "main" in told.title
    assert told.body.startswith("Reason: The balance is too low: top up the account. Its next deadline is in 3h. ")
    assert told.severity is Severity.CRITICAL
    assert alert.paused("main", "", None).body.startswith("None of its voices is near its end.")


def test_an_account_that_is_not_configured_says_how_to_configure_it() -> None:
    """If it did not, voices under a mistyped account would be lost with a riddle."""
    told = alert.unknown_account("mian")
    assert "mian" in told.title
    assert "[accounts.mian]" in told.body


def test_keys_belong_to_one_thing() -> None:
    """If two conditions shared a key, one would hide the other; if a key were another's prefix, resolve its alerts."""
    told = [make(voice, "gone") for make, _ in TOLD.values() for voice in (a_voice(id=1), a_voice(id=11))]
    accounts = [alert.paused("main", "", None), alert.unknown_account("main"), alert.paused("main2", "", None)]
    keys = [one.key for one in (*told, *accounts)]
    assert len(set(keys)) == len(keys)
    assert [key for key in keys if key.startswith(alert.voice_key(a_voice(id=1)))] == [one.key for one in told[::2]]
    assert [key for key in keys if key.startswith(alert.account_key("main"))] == [one.key for one in accounts[:2]]


def test_only_a_loss_is_an_event_and_only_a_rung_renews() -> None:
    """If a loss lasted it would be repeated for ever; if a rung did not renew, the nearer ones would be silent."""
    told = {kind: make(a_voice(), "gone") for kind, (make, _) in TOLD.items()}
    assert [kind for kind, one in told.items() if one.event] == ["lost"]
    assert [kind for kind, one in told.items() if one.renews] == ["rung"]


@pytest.mark.parametrize(
    ("hours", "severity"),
    [(72, Severity.WARNING), (24, Severity.WARNING), (12, Severity.CRITICAL), (1, Severity.CRITICAL)],
)
def test_a_rung_hurries_more_the_nearer_the_deadline(hours: int, severity: Severity) -> None:
    """If all rungs looked alike, the last call would drown among the first."""
    told = alert.rung(FAILED, hours * HOUR, START + LIFETIME - hours * HOUR)
    assert told.severity is severity
    assert f"less than {format_duration(hours * HOUR)} before its deadline" in told.title


def test_a_rung_says_what_the_provider_answered() -> None:
    """If it did not, the owner could not tell an outage from an empty balance."""
    assert "Last answer: internal error at the provider (4 tries so far)." in alert.rung(FAILED, HOUR, NEAR).body


def test_a_rung_of_a_throttled_voice_does_not_say_untried() -> None:
    """If it did, the owner would look for a dead scheduler instead of at the rate limit."""
    for words in ("too many requests", ""):
        told = alert.rung(a_voice(last_outcome="throttled", last_error=words), HOUR, NEAR)
        assert "not been tried" not in told.body
        assert f"Last answer: {words or 'throttled'}." in told.body


def test_a_rung_after_the_deadline_says_so() -> None:
    """If it read as time left, the owner would think there is some."""
    for passed in (0 * MINUTE, 20 * MINUTE):
        assert "its deadline has passed" in alert.rung(FAILED, HOUR, START + LIFETIME + passed).title


def test_a_rung_reads_the_same_until_the_next() -> None:
    """If it counted minutes, what is told again hours later would be wrong by then."""
    early, late = (alert.rung(FAILED, 6 * HOUR, START + LIFETIME - left) for left in (6 * HOUR, HOUR + MINUTE))
    assert early == late


def test_a_held_voice_is_told_how_to_decide() -> None:
    """If it were not, the owner would not know that only the owner's own hold stands in the way."""
    told = alert.rung(a_voice(intent=Intent.HOLD), HOUR, NEAR)
    assert "`voicekeeper keep main/Anna-0001`" in told.body
    assert "voicekeeper release" in told.body


def test_a_label_is_shown() -> None:
    """If it were not, an owner who knows the voices by label would have to look each id up."""
    for make in (TOLD["lost"][0], TOLD["rung"][0]):
        assert '("Grandmother")' in make(a_voice(label="Grandmother"), "gone").body
