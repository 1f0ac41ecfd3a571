"""This machine's clock against a provider's: when it matters, and how it is said."""

from datetime import timedelta

import pytest

from tests.core.core_cases import HOUR, MINUTE, SECOND
from voicekeeper.core import alert
from voicekeeper.core.alert import Severity
from voicekeeper.core.skew import of_all, severity, words
from voicekeeper.core.wording import Language, render


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (timedelta(), None),
        (5 * MINUTE - SECOND, None),
        (5 * MINUTE, Severity.WARNING),
        (-5 * MINUTE, Severity.WARNING),
        (HOUR - SECOND, Severity.WARNING),
        (HOUR, Severity.CRITICAL),
        (-400 * 24 * HOUR, Severity.CRITICAL),
    ],
)
def test_five_minutes_are_a_warning_and_an_hour_is_critical(skew: timedelta, level: Severity | None) -> None:
    """If a wrong clock passed, deadlines would be missed; if a slow answer counted, people would stop reading."""
    assert severity(skew) is level


@pytest.mark.parametrize(
    ("heard", "skew"),
    [([3], 3), ([1, 9], 5), ([0, 1, 100000], 1), ([-7200, 0, -7199], -7199), ([0] * 50 + [10**9] * 49, 0)],
)
def test_one_wrong_server_decides_nothing(heard: list[int], skew: int) -> None:
    """If it did, one bad machine behind a gateway would call people at night."""
    assert of_all([timedelta(seconds=one) for one in heard]) == timedelta(seconds=skew)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "in step with"), (-2, "in step with"), (-3, "3s behind"), (3600, "1h ahead of"), (-90061, "1d 1h behind")],
)
def test_a_skew_in_words(seconds: int, said: str) -> None:
    """If ahead and behind were mixed up, the clock would be set the wrong way."""
    assert words(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(("skew", "en", "zh"), [(2 * HOUR, "2h ahead of", "快"), (-2 * HOUR, "2h behind", "慢")])
def test_the_alert_says_which_way_and_what_to_do(skew: timedelta, en: str, zh: str) -> None:
    """If it did not, its reader would have to find out what to mend."""
    told = alert.wrong_clock("main", skew, Severity.CRITICAL)
    assert (told.key, told.severity, told.event) == ("account/main/clock", Severity.CRITICAL, False)
    assert en in told.title
    assert "chrony" in told.body
    title, body = render(told.kind, told.facts, Language.ZH)
    assert zh in title
    assert "chrony" in body
