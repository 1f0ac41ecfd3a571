"""MiniMax's status codes: what each means to a keeper, in plain words.

Source: the error-code page of MiniMax's API documentation; 2054 and 20132 were seen by public clients.
"""

from dataclasses import dataclass

from voicekeeper.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means, and what would mend it."""

    outcome: Outcome
    words: str
    mend: str = ""


_KEY = "check api_key, and that the account's provider is of the key's own region"
_VOICE = "it may belong to another account, region or gateway"
_TEXT = "change keep.text or keep.alternate_text"

CODES: dict[int, Meaning] = {
    1000: Meaning(Outcome.TRANSIENT, "unknown error at the provider"),
    1001: Meaning(Outcome.TRANSIENT, "timeout inside the provider"),
    1013: Meaning(Outcome.TRANSIENT, "internal error at the provider"),
    1024: Meaning(Outcome.TRANSIENT, "internal error at the provider"),
    1033: Meaning(Outcome.TRANSIENT, "an error behind the provider"),
    1002: Meaning(Outcome.THROTTLED, "too many requests a minute", "lower requests_per_minute"),
    1039: Meaning(Outcome.THROTTLED, "too many tokens a minute", "lower requests_per_minute"),
    1041: Meaning(Outcome.THROTTLED, "too many connections", "lower max_concurrency"),
    2045: Meaning(Outcome.THROTTLED, "requests grow too fast"),
    1004: Meaning(Outcome.BLOCKED, "the key is not accepted", _KEY),
    2049: Meaning(Outcome.BLOCKED, "the key is not valid", _KEY),
    1008: Meaning(Outcome.BLOCKED, "the balance is too low", "top up the account"),
    1028: Meaning(Outcome.BLOCKED, "the quota is used up", "wait for the next period or buy more"),
    1030: Meaning(Outcome.BLOCKED, "the quota is used up", "wait for the next period or buy more"),
    2056: Meaning(Outcome.BLOCKED, "the plan's quota for these five hours is used up", "wait or buy more"),
    2061: Meaning(Outcome.BLOCKED, "the plan does not include this model", "choose another model"),
    2038: Meaning(Outcome.BLOCKED, "the account's identity is not verified", "verify it at the provider"),
    1026: Meaning(Outcome.REFUSED, "the text counts as sensitive", _TEXT),
    1027: Meaning(Outcome.REFUSED, "the speech counts as sensitive", _TEXT),
    1042: Meaning(Outcome.REFUSED, "too many invisible characters in the text", _TEXT),
    2013: Meaning(Outcome.REFUSED, "a parameter is invalid", "check keep.text and model"),
    2042: Meaning(Outcome.NOT_FOUND, "this account has no access to the voice", _VOICE),
    2054: Meaning(Outcome.NOT_FOUND, "there is no such voice", _VOICE),
    20132: Meaning(Outcome.NOT_FOUND, "there is no such voice", _VOICE),
}

_PARAMETERS = "check audio, voice_id and the other parameters of the call"
_TAKEN = (
    "choose another; or, where it is your own and an earlier try ended without an answer, register it with "
    "`voicekeeper add`"
)
#: The same for a clone or design call, with the codes that only it can have.
CLONE_CODES: dict[int, Meaning] = CODES | {
    # A call that timed out behind the provider's back may have made its voice all the same.
    1001: Meaning(Outcome.AMBIGUOUS, "timeout inside the provider"),
    1026: Meaning(Outcome.REFUSED, "the text counts as sensitive", "change the text"),
    1027: Meaning(Outcome.REFUSED, "the speech counts as sensitive", "change the text or the audio"),
    1042: Meaning(Outcome.REFUSED, "too many invisible characters in the text", "change the text"),
    1043: Meaning(
        Outcome.REFUSED,
        "the audio does not say what text_validation says",
        "correct text_validation, or lower accuracy",
    ),
    1044: Meaning(Outcome.REFUSED, "the prompt does not sound like the audio", "use a prompt of the same speaker"),
    2013: Meaning(Outcome.REFUSED, "a parameter is invalid", _PARAMETERS),
    2037: Meaning(Outcome.REFUSED, "the audio is too short or too long", "use 10 seconds to 5 minutes"),
    2038: Meaning(Outcome.BLOCKED, "the account may not clone", "verify its identity at the provider"),
    2039: Meaning(Outcome.REFUSED, "the voice_id is taken", _TAKEN),
    2048: Meaning(Outcome.REFUSED, "the prompt audio is too long", "use less than 8 seconds"),
}
UNKNOWN = Meaning(Outcome.TRANSIENT, "a code that is not documented")
