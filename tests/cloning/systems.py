"""Every system that voices are cloned through, as an account of the emulator's."""

from collections.abc import Awaitable, Callable

from voicekeeper.cloning import Made

Cloned = Callable[..., Awaitable[Made]]

URL = "http://127.0.0.1:9/voice.wav"
MINIMAX = "voice-one-1"
#: For each provider: what differs in the account, the emulator's habits, what is cloned from, and its name.
SYSTEMS: dict[str, tuple[str, dict[str, object], dict[str, object], str, str | None]] = {
    "minimax-cn": ("minimax-cn", {}, {}, "voice.wav", MINIMAX),
    "minimax-global": ("minimax-global", {}, {}, "voice.wav", MINIMAX),
    "hingnet": ("hingnet", {}, {}, "voice.wav", MINIMAX),
    "the aggregator": (
        "minimax-gateway",
        {"path_prefix": "/minimax"},
        {"minimax_prefix": "aggregator"},
        "voice.wav",
        MINIMAX,
    ),
    "kkiai": ("kkiai", {}, {"minimax_prefix": "kkiai", "kkiai_upload": "/v1/files/upload"}, "voice.wav", MINIMAX),
    "kkiai, the other path": (
        "kkiai",
        {},
        {"minimax_prefix": "kkiai", "kkiai_upload": "/v1/files"},
        "voice.wav",
        MINIMAX,
    ),
    "ppinfra": ("ppinfra", {}, {}, URL, None),
    "ppio": ("ppio", {}, {}, URL, None),
    "novita": ("novita", {}, {}, URL, None),
    "jiekou": ("jiekou", {}, {}, URL, None),
    "wavespeed": ("wavespeed", {}, {"task_seconds": 0.7}, "voice.wav", "voiceone1"),
    "wavespeed, by address": ("wavespeed", {}, {}, URL, "voiceone1"),
}
