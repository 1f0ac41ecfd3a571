"""Makes voices: check → upload → trace → clone → register.

A clone call is made once. Its trace stands in the registry before it, with the time that the deadline counts from;
trace and voice are settled in one transaction as soon as the provider has answered. Where the answer is lost, the
voice is registered all the same: its keep call will tell. What a crash leaves open, the next sweep picks up.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec

from voicekeeper import audio, recordings
from voicekeeper.clock import Clock
from voicekeeper.core.cloning import Begun, registering
from voicekeeper.core.errors import InputError, RegistryUnavailable, VoicekeeperError
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.providers.cloning import (
    Cloned,
    Cloner,
    CloneRequest,
    DesignRequest,
    Recording,
    clone_problems,
    design_problems,
)
from voicekeeper.providers.fetch import FetchError
from voicekeeper.providers.gateways import Gateway
from voicekeeper.recordings import Fetch, Findings, Limits
from voicekeeper.registry import clonings, voices
from voicekeeper.registry.database import Database

P = ParamSpec("P")

_LONGEST_LABEL = 255
_URL = re.compile(r"https?://", re.IGNORECASE)
#: Seconds to wait before each further try to write down what the provider has answered.
_WRITE_AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)
_EXIT_CODES = {Outcome.REFUSED: 2, Outcome.NOT_FOUND: 2, Outcome.BLOCKED: 3}
_STOPPED = Answer(outcome=Outcome.AMBIGUOUS, message="voicekeeper was stopped during the call.")


class NotCloned(VoicekeeperError):
    """The provider has made no voice, or none that is known of; it says why, and what would mend it."""

    def __init__(self, answer: Answer, begun: Begun | None = None) -> None:
        self.exit_code = _EXIT_CODES.get(answer.outcome, 1)
        lines = [answer.message, *([f"trace id {answer.trace_id}"] if answer.trace_id else [])]
        if begun is not None and answer.outcome is Outcome.AMBIGUOUS:
            lines.append(_doubt(begun))
        elif self.exit_code == 1:
            lines.append("No voice was made: try again later.")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Made:
    """A voice that is made and registered, and what the provider said beside it."""

    voice: Begun
    answer: Cloned


class Cloning:
    """Makes voices through one account; `lease` outlives the whole call."""

    def __init__(
        self,
        account: str,
        gateway: Gateway,
        cloner: Cloner,
        database: Database,
        *,
        clock: Clock,
        instance: str,
        fetch: Fetch,
        lease: timedelta,
        log: Any,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
    ) -> None:
        self._account, self._gateway, self._cloner, self._database = account, gateway, cloner, database
        self._clock, self._instance, self._fetch, self._lease, self._log = clock, instance, fetch, lease, log

    async def recording(self, given: str, limits: Limits, findings: Findings) -> Recording:
        """Look at an audio, a file or an address, as this account's gateway wants it."""
        return await recordings.read(given, limits, self._gateway.name, self._cloner.rules, self._fetch, findings)

    async def clone(self, request: CloneRequest, label: str, intent: Intent, findings: Findings) -> Made:
        """Clone one voice and register it; raise InputError before anything is sent, NotCloned afterwards."""
        findings.problems += [*clone_problems(request, self._gateway, self._cloner.rules), *_label_problems(label)]
        begun = await self._checked(request.voice_id, label, intent, Origin.CLONE, findings)
        body = await self._cloner.prepare(request)
        if isinstance(body, Answer):
            raise NotCloned(body)
        return await self._make(begun, lambda: self._cloner.clone(body))

    async def design(self, request: DesignRequest, label: str, intent: Intent, findings: Findings) -> Made:
        """Design one voice and register it; raises as `clone` does."""
        findings.problems += [*design_problems(request, self._gateway, self._cloner.rules), *_label_problems(label)]
        begun = await self._checked(request.voice_id, label, intent, Origin.DESIGN, findings)
        return await self._make(begun, lambda: self._cloner.design(request))

    async def preview(self, made: Made) -> bytes:
        """Return the preview's sound; raise FetchError when it cannot be had. It never counts as a keep."""
        told = made.answer.preview
        if not told:
            raise FetchError("the provider sent none")
        content = await self._fetch(told) if _URL.match(told) else _from_hex(told)
        if audio.recognise(content) is None:
            raise FetchError("what came is no audio")
        return content

    async def _checked(
        self, voice_id: str | None, label: str, intent: Intent, origin: Origin, findings: Findings
    ) -> Begun:
        """Raise InputError for whatever is wrong, a voice that is registered already among it."""
        findings.require_none()
        name = (self._account, voice_id or "")
        if await self._database.run(voices.known, [name]):
            raise InputError(f"{self._account}/{voice_id} is registered already: choose another voice_id")
        return Begun(
            account=self._account,
            voice_id=voice_id,
            cloned_at=self._clock.now(),
            label=label.strip(),
            intent=intent,
            origin=origin,
        )

    async def _make(self, begun: Begun, call: Callable[[], Awaitable[Cloned | Answer]]) -> Made:
        """Make the call between its trace and its registration."""
        begun = replace(begun, cloned_at=self._clock.now())
        begin = (begun, self._instance, self._lease, begun.cloned_at)
        trace, start = await self._database.run(clonings.begin, *begin), self._clock.monotonic()
        try:
            answer = await call()
        except asyncio.CancelledError:
            await asyncio.shield(self._fail(trace, begun, _STOPPED))
            raise
        except Exception as error:  # the call may have been made: the voice must not be forgotten for a mistake of ours
            broken = Answer(outcome=Outcome.AMBIGUOUS, message=f"voicekeeper itself failed: {type(error).__name__}.")
            await self._fail(trace, begun, broken)
            raise
        self._log_answer(begun, answer, self._clock.monotonic() - start)
        if isinstance(answer, Answer):
            await asyncio.shield(self._fail(trace, begun, answer))
            raise NotCloned(answer, begun)
        made = replace(begun, voice_id=answer.voice_id or begun.voice_id)
        await asyncio.shield(self._write(made, clonings.succeed, trace, made, answer.trace_id, self._clock.now()))
        return Made(made, answer)

    async def _fail(self, trace: int, begun: Begun, answer: Answer) -> None:
        await self._write(begun, clonings.fail, trace, begun, answer, self._clock.now())

    async def _write(
        self, voice: Begun, work: Callable[Concatenate[Any, P], None], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Write down what came of the call; a registry that fails for a moment is asked again."""
        for pause in (*_WRITE_AGAIN, None):
            try:
                return await self._database.run(work, *args, **kwargs)
            except RegistryUnavailable as error:
                self._log.error(
                    "registry.unavailable", account=voice.account, voice_id=voice.voice_id, error=str(error)
                )
                if pause is None:
                    raise RegistryUnavailable(f"{error}\n{_unwritten(voice)}") from error
                await self._clock.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _log_answer(self, begun: Begun, answer: Cloned | Answer, seconds: float) -> None:
        """Write the one canonical line of this call."""
        told: dict[str, Any] = {"account": begun.account, "origin": begun.origin.value, "trace_id": answer.trace_id}
        told["latency_ms"] = round(seconds * 1000)
        if isinstance(answer, Answer):
            self._log.warning("voice.not_cloned", voice_id=begun.voice_id, outcome=answer.outcome.value, **told)
        else:
            self._log.info("voice.cloned", voice_id=answer.voice_id or begun.voice_id, outcome="cloned", **told)


def _label_problems(label: str) -> list[str]:
    if len(label) > _LONGEST_LABEL:
        return [f"label is {len(label)} characters long, {_LONGEST_LABEL} at most"]
    return [] if label.isprintable() else [f"label {label!r:.60} has characters in it that cannot be printed"]


def _from_hex(told: str) -> bytes:
    try:
        return bytes.fromhex(told)
    except ValueError:
        raise FetchError("what came is neither an address nor hex") from None


def _doubt(begun: Begun) -> str:
    if begun.voice_id is None:
        return (
            f"The voice may have been made all the same, at {begun.cloned_at:%Y-%m-%dT%H:%M:%SZ}: look at the "
            f"provider's console before you try again, and register what you find: `{registering(begun)}`"
        )
    return (
        f"The voice may have been made all the same, so {begun.account}/{begun.voice_id} is registered: its keep call "
        "will tell. To try again, use another voice_id."
    )


def _unwritten(voice: Begun) -> str:
    if voice.voice_id is None:
        return (
            f"What came of the call of {voice.cloned_at:%Y-%m-%dT%H:%M:%SZ} is not written down: the next sweep tells."
        )
    return (
        f"The voice {voice.account}/{voice.voice_id} may be made, but is not registered. Once the registry works: "
        f"`{registering(voice)}`"
    )
