"""What people are told, in English."""

from voicekeeper.core.wording import Catalogue, Words, clause, mark, write_count, write_second, write_span, write_time


def _voices(count: int) -> str:
    return "1 voice" if count == 1 else f"{count} voices"


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


_ALERTS = {
    "lost": Words(
        "Voice {name} is lost",
        (
            ("It was on hold when its deadline passed.{held:mark}", "Reason: {reason:clause}."),
            "Its deadline was {deadline:time}.",
            ('It has to be cloned again from its audio ("{label}"):', "It has to be cloned again from its audio:"),
            "`{command}`.",
            "If the provider refuses the old name, choose another one; if it makes names itself, leave --voice-id out.",
        ),
    ),
    "rung": Words(
        (
            "Voice {name} is not kept: less than {reached:span} before its deadline",
            "Voice {name} is not kept: its deadline has passed",
        ),
        (
            ('Deadline {deadline:time} ("{label}").', "Deadline {deadline:time}."),
            (
                "It is on hold: `voicekeeper keep {held}` keeps it, `voicekeeper release …` lets it go.",
                "It has not been tried yet: {stopped:clause}.",
                "Last answer: {last:clause} ({tries:tries} so far).",
                "Last answer: {last:clause}.",
                "It has not been tried yet: is a sweep running, and is the rate limit or the budget too small?",
            ),
        ),
    ),
    "clock": Words(
        (
            "This machine's clock is {behind:span} behind that of account {account}'s provider",
            "This machine's clock is {ahead:span} ahead of that of account {account}'s provider",
        ),
        (
            "Deadlines are misjudged by as much: voices may be lost, or warned of too late.",
            "Synchronise the clock (chrony, systemd-timesyncd).",
        ),
    ),
    "refused": Words(
        "Voice {name}: the provider refuses the keep call",
        ("Reason: {reason:clause}.", "Both texts were tried; change keep.text or keep.alternate_text. Tries go on."),
    ),
    "missing": Words(
        "Voice {name}: the provider does not know it",
        (
            "Reason: {reason:clause}.",
            "Its deadline is only {deadline:time}.",
            "Was it cloned with another account, region or gateway? It is tried again before it counts as lost.",
        ),
    ),
    "paused": Words(
        "Account {account} is paused",
        (
            "Reason: {reason:clause}.",
            ("Its next deadline is in {left:span}.", "None of its voices is near its end."),
            "It is probed by itself and resumes when the provider answers again.",
        ),
    ),
    "unworkable": Words(
        "Voice {name} cannot be kept as it is registered",
        ("Reason: {reason:clause}. Correct the row or its account; `voicekeeper retry …` then tries it at once.",),
    ),
    "unreachable": Words(
        "The registry cannot be worked with",
        (
            "Reason: {problem:clause}.",
            "It has not worked since {since:time}, and no voice is kept meanwhile.",
            "Answers that came are held in a file until it works again.",
        ),
    ),
    "unknown": Words(
        "Account {account} is not configured, but has voices",
        (
            'Voices are registered under "{account}" and cannot be kept.',
            "Add [accounts.{account}] to the configuration, or correct the account of these rows.",
        ),
    ),
    "overdue": Words(
        "Account {account}: {count:voices} overdue and not tried",
        (
            "Due for more than {grace:span}; the earliest deadline is {deadline:time}.",
            "Sweeps run and do not take them: look for errors in the log, and start voicekeeper anew.",
        ),
    ),
    "failing": Words(
        "Account {account}: no call succeeds",
        (
            "Since {since:time} calls do nothing but fail.",
            "Reason: {reason:clause}.",
            "{count:voices} wait for it; the earliest deadline is {deadline:time}.",
            "They are tried again by themselves. Look at the provider, the network, and a proxy where there is one.",
        ),
    ),
    "unsavable": Words(
        "Account {account}: {count:voices} cannot be saved",
        (
            "Its rate and its budget do not reach for all; the first is lost at {deadline:time}.",
            "What would save all: {settings}.",
            "Releasing {count:voices} saves all others; those of the lowest priority are left for last already.",
            "`voicekeeper forecast` shows more.",
        ),
    ),
    "broken": Words(
        "Source {source} cannot be read",
        ("Reason: {reason:clause}. New voices in it are not kept until it can; all others are.",),
    ),
    "rows": Words(
        "Source {source}: {count:rows} cannot be registered",
        (
            ("{first:clause}; and {more} more.", "{first:clause}."),
            "Correct them or leave them out of sources.{source}.query: they are not kept.",
        ),
    ),
    "channel": Words(
        "Alerts do not get through to {channel}",
        (
            "It has failed since {since:time}.",
            "It is tried again by itself, and told then what it has missed.",
            "`voicekeeper alert-test` tries all channels.",
        ),
    ),
    "cloning": Words(
        (
            "Voice {account}/{voice_id} may have been made; it is registered",
            "Account {account}: a voice may have been made that nobody knows",
        ),
        (
            (
                'Its {origin:origin} call was begun {begun:second} ("{label}"), and {reason:clause}.',
                "Its {origin:origin} call was begun {begun:second}, and {reason:clause}.",
            ),
            (
                "The voice {voice_id} is registered with that time: its keep call tells whether it exists.",
                "The provider makes the voice_id itself, so it is not known here.",
            ),
            (
                "If {voice_id} does not, nothing is paid and it is reported as lost.",
                "Look at the provider's console for a voice of that minute, then `{command}`.",
            ),
            (
                "{voice_id:mark}",
                "If there is none, or it is not wanted, do nothing: an unused voice costs nothing.",
            ),
        ),
    ),
}

_PHRASES = {
    "critical": "CRITICAL: {title}",
    "warning": "Warning: {title}",
    "info": "Info: {title}",
    "resolved": "Resolved: {title}",
    "head_resolved": "resolved: {title}",
    "and_more": "{title} (and {count} more)",
    "more": "… and {count} more: `voicekeeper status` shows them.",
    "more_resolved": "… and {count} more resolved.",
    "test_title": "a test",
    "test": "This is a test. If you read it, alerts reach you.",
    "digest_daily": "the day's digest",
    "digest_weekly": "the week's digest",
    "since": "Since {since:time}:",
    "done": "{kept} kept, {lost} lost, {released} released",
    "spent": "spent: {spent}",
    "spent_nothing": "spent: nothing that was recorded",
    "waiting": "{waiting} waiting",
    "coming": "with a deadline in the next {span:span}: {coming}",
    "coming_first": "with a deadline in the next {span:span}: {coming}, the first at {first:time}",
    "nothing_open": "No alert is open.",
    "open": "Open alerts: {count}",
}

ENGLISH = Catalogue(
    alerts=_ALERTS,
    phrases=_PHRASES,
    write={
        "time": write_time,
        "second": write_second,
        "count": write_count,
        "span": write_span,
        "voices": _voices,
        "rows": _rows,
        "tries": _tries,
        "clause": clause,
        "origin": str,
        "mark": mark,
    },
    between=" ",
    said={},
    forms={},
    answer=("{words} ({evidence}).", "{words} ({evidence}): {mend}."),
)
