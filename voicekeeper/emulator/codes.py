"""MiniMax's numbers: one for each refusal, and the HTTP status that gateways make of them (PROVIDERS.md § 2)."""

from collections.abc import Mapping

from voicekeeper.emulator.operation import Failure
from voicekeeper.emulator.records import Reason, Refused

REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.NO_KEY: (1004, "login fail: Please carry the API secret key in the 'Authorization' field"),
    Reason.UNKNOWN_KEY: (2049, "invalid api key"),
    Reason.DISABLED_KEY: (1004, "not authorized"),
    Reason.RATE: (1002, "rate limit exceeded(RPM)"),
    Reason.CONCURRENCY: (1041, "too many connections"),
    Reason.BALANCE: (1008, "insufficient balance"),
    Reason.INVALID: (2013, "invalid params"),
    Reason.INVISIBLE: (1042, "too many invisible characters"),
    Reason.NO_TASK: (2013, "invalid params"),
    Reason.NO_VOICE: (2054, "voice id not exist"),
    Reason.FOREIGN_VOICE: (2042, "you don't have access to this voice_id"),
    Reason.DUPLICATE: (2039, "voice clone voice id duplicate"),
    Reason.AUDIO_LENGTH: (2037, "voice duration too short or too long"),
    Reason.PROMPT_LENGTH: (2048, "prompt audio too long"),
}
WORDS: Mapping[int, str] = dict(REFUSALS.values()) | {
    1000: "unknown error",
    1001: "timeout",
    1004: "not authorized",
    1013: "internal error",
    1024: "internal error",
    1026: "input new_sensitive",
    1027: "output new_sensitive",
    1039: "token limit",
    1043: "ASR similarity check failed",
    1044: "clone prompt similarity check failed",
    2038: "no cloning permission, please verify your identity",
    2045: "rate growth limit",
    2056: "usage limit exceeded",
    2061: "your current plan does not support this model",
    20132: "invalid samples or voice_id",
}
KEY_CODES = frozenset({1004, 2049})
BALANCE_CODE = 1008
PLAN_CODES = frozenset({1028, 1030, 2038, 2056, 2061})
THROTTLE_CODES = frozenset({1002, 1039, 1041, 2045})
REQUEST_CODES = frozenset({1026, 1027, 1042, 1043, 1044, 2013, 2037, 2039, 2042, 2048, 2054, 20132})


def failure(refused: Refused) -> Failure:
    """Say a refusal in MiniMax's number and words."""
    code, message = REFUSALS[refused.reason]
    return Failure(code, f"{message}, {refused.detail}" if refused.detail else message, refused.reason)


def http_status(code: int, *, balance: int) -> int:
    """Return the HTTP status that a gateway gives a code; `balance` is its own for too little money."""
    if code in KEY_CODES:
        return 401
    if code == BALANCE_CODE:
        return balance
    if code in PLAN_CODES:
        return 403
    if code in THROTTLE_CODES:
        return 429
    return 400 if code in REQUEST_CODES else 500
