"""Cloning and designing voices: one protocol, one file per API family, and what each family takes.

Everything that can be known to be wrong is found here before anything is sent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from voicekeeper.audio import Sound
from voicekeeper.core.outcome import Answer
from voicekeeper.providers.answers import clean
from voicekeeper.providers.gateways import Access, Gateway

#: A clone call works longer than a keep call, and an upload may be 20 MB: so many times the account's timeout.
PATIENCE = 4
LONGEST_VALIDATION = 200
LONGEST_PREVIEW_TEXT = 500
_PAUSE = re.compile(r"<#[\d.]*#>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An audio to clone from: its address, its content, or both where the address could be fetched."""

    url: str | None = None
    sound: Sound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequest:
    """Every parameter of a clone call, in MiniMax's words; None and False are not sent."""

    audio: Recording
    voice_id: str | None = None
    prompt_audio: Recording | None = None
    prompt_text: str | None = None
    text: str | None = None
    model: str | None = None
    language_boost: str | None = None
    text_validation: str | None = None
    accuracy: float | None = None
    need_noise_reduction: bool = False
    need_volume_normalization: bool = False
    aigc_watermark: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """The parameters that go into the call as they are, where they were given."""
        return {name: getattr(self, name) for name in PLAIN if name in self.given}

    @property
    def given(self) -> frozenset[str]:
        """The names of the parameters that were given; an accuracy of 0 is one."""
        values = ((name, getattr(self, name)) for name in (*PLAIN, *PROMPT))
        return frozenset(name for name, value in values if value is not None and value is not False)


#: The parameters that every family calls the same, as far as it takes them.
PLAIN = (
    "text",
    "model",
    "language_boost",
    "text_validation",
    "accuracy",
    "need_noise_reduction",
    "need_volume_normalization",
    "aigc_watermark",
)
PROMPT = frozenset({"prompt_audio", "prompt_text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRequest:
    """Every parameter of a voice design; the provider makes the voice_id where none is given."""

    prompt: str
    preview_text: str
    voice_id: str | None = None
    aigc_watermark: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloned:
    """A voice that the provider has made: its name where the provider gave it, and a preview.

    `preview` is an address or hex, as it came; `warnings` are the provider's, in plain words.
    """

    voice_id: str | None = None
    preview: str = ""
    trace_id: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a family's clone call takes, beside what its gateway's row says.

    `by_file` and `by_url` tell how it wants the audio; `new_id` narrows the gateway's rule for a voice_id. Where it
    `designs`, the voice_id is its owner's to choose, and has to be where `names_designs` is set.
    """

    takes: frozenset[str]
    by_file: bool = True
    by_url: bool = False
    longest_text: int = 1000
    makes_voice_id: bool = False
    designs: bool = False
    names_designs: bool = False
    new_id: re.Pattern[str] | None = None
    new_id_words: str = ""


class Cloner(Protocol):
    """One account, for making voices; never raises for anything a provider can do."""

    @property
    def rules(self) -> Rules:
        """What may be asked of it."""
        ...

    async def prepare(self, request: CloneRequest) -> Mapping[str, Any] | Answer:
        """Upload what has to be uploaded and return the clone call's body; makes no voice yet."""
        ...

    async def clone(self, body: Mapping[str, Any]) -> Cloned | Answer:
        """Make the clone call, once; an answer says why there is no voice, or that it is not known."""
        ...

    async def design(self, request: DesignRequest) -> Cloned | Answer:
        """Make the design call, once."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


def open_cloner(gateway: Gateway, access: Access) -> Cloner:
    """Return an account's cloner; its calls have `PATIENCE` times the account's timeout."""
    family = import_module(f"voicekeeper.providers.{gateway.family}_clone")
    return cast("Cloner", family.connect(gateway, access))


def clone_problems(request: CloneRequest, gateway: Gateway, rules: Rules) -> Iterator[str]:
    """Say everything that is wrong with a request before anything is sent, naming rule and value."""
    yield from _id_problems(request.voice_id, gateway, rules, needed=not rules.makes_voice_id)
    for name in sorted(request.given - rules.takes):
        yield f"{name} is no parameter of {gateway.name}'s clone call: leave it out"
    yield from _prompt_problems(request)
    if request.text is not None:
        yield from _text_problems("text", request.text, rules.longest_text)
        if request.model is None:
            yield "text has no model to speak it: give both, or neither"
    yield from _name_problems("model", request.model)
    yield from _name_problems("language_boost", request.language_boost)
    if request.text_validation is not None:
        yield from _text_problems("text_validation", request.text_validation, LONGEST_VALIDATION)
    if request.accuracy is not None and not 0 <= request.accuracy <= 1:
        yield f"accuracy {request.accuracy:g} is not between 0 and 1"


def design_problems(request: DesignRequest, gateway: Gateway, rules: Rules) -> Iterator[str]:
    """Say everything that is wrong with a design before anything is sent."""
    if not rules.designs:
        yield f"{gateway.name} has no voice design"
        return
    yield from _id_problems(request.voice_id, gateway, rules, needed=rules.names_designs)
    if request.aigc_watermark and "aigc_watermark" not in rules.takes:
        yield f"aigc_watermark is no parameter of {gateway.name}'s design call: leave it out"
    if not request.prompt.strip():
        yield "prompt is empty: describe the voice"
    yield from _text_problems("preview_text", request.preview_text, LONGEST_PREVIEW_TEXT)


def _id_problems(voice_id: str | None, gateway: Gateway, rules: Rules, *, needed: bool) -> Iterator[str]:
    if voice_id is None:
        if needed:
            words = rules.new_id_words or gateway.id_words
            yield f"voice_id is missing: {gateway.name} wants one of your own, {words}"
    elif rules.makes_voice_id:
        yield f'voice_id "{clean(voice_id)}" cannot be chosen: {gateway.name} makes it, leave it out'
    elif problem := gateway.id_problem(voice_id):
        yield problem
    elif rules.new_id and not rules.new_id.fullmatch(voice_id):
        yield f'voice_id "{voice_id}" is impossible: {rules.new_id_words}'


def _prompt_problems(request: CloneRequest) -> Iterator[str]:
    if (request.prompt_audio is None) != (request.prompt_text is None):
        there, missing = ("text", "audio") if request.prompt_audio is None else ("audio", "text")
        yield f"the prompt has its {there}, but not its {missing}: give both, or neither"
    if request.prompt_text is not None and not request.prompt_text.strip():
        yield "prompt_text is empty: write what the prompt audio says"


def _name_problems(name: str, value: str | None) -> Iterator[str]:
    if value is not None and not (value.strip() and value.isprintable()):
        yield f'{name} "{clean(value)}" is no name'


def _text_problems(name: str, text: str, longest: int) -> Iterator[str]:
    if len(text) > longest:
        yield f"{name} is {len(text)} characters long, {longest} at most"
    if not any(char.isalnum() for char in _PAUSE.sub("", text)):
        yield f'{name} "{clean(text)[:40]}" has nothing to speak in it'
