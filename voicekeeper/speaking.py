"""Speaks with one claimed voice: the keep call, and the questions that save a second one."""

from collections.abc import Callable
from dataclasses import dataclass

from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.journal import Journal
from voicekeeper.proof import LISTED, Proof
from voicekeeper.providers import Provider
from voicekeeper.registry import claims
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.spending import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line to one account: its provider, its terms, and what is said on it."""

    provider: Provider
    terms: Terms
    id_problem: Callable[[str], str | None]
    concurrency: int
    text: str
    alternate_text: str


class Speaker:
    """Makes keep calls over the accounts' lines; never raises, whatever a call comes to."""

    def __init__(self, database: Database, proof: Proof, journal: Journal) -> None:
        self._database, self._proof, self._journal = database, proof, journal

    async def speak(self, line: Line, claimed: Claimed) -> Answer:
        """Say what came of the keep call, whatever happens: a mistake with one voice must not stop the others."""
        try:
            return await self._ask(line, claimed)
        except Exception as error:
            self._journal.log.exception("voice.failed", voice=claimed.voice.name)
            return Answer(outcome=Outcome.AMBIGUOUS, message=f"voicekeeper itself failed: {type(error).__name__}.")

    async def _ask(self, line: Line, claimed: Claimed) -> Answer:
        """Make the keep call; where an earlier one may have worked, or the voice is not found, the list decides."""
        voice, account, provider = claimed.voice, line.terms.account, line.provider
        if voice.last_outcome == Outcome.AMBIGUOUS and await self._proof.shows(account, provider, voice):
            return LISTED
        answer = await self._call(line, claimed)
        if answer.outcome is Outcome.NOT_FOUND and await self._proof.shows(account, provider, voice):
            return LISTED
        return answer

    async def _call(self, line: Line, claimed: Claimed) -> Answer:
        """Ask for the task that an earlier call began, or speak; the other text has its turn after a refusal."""
        if claimed.task_id is not None:
            return await line.provider.resume(claimed.task_id)
        voice = claimed.voice
        alternate = voice.last_outcome == Outcome.REFUSED and voice.streak % 2 == 1

        async def note(task_id: str) -> None:
            try:
                await self._database.run(claims.note_task, claimed, task_id)
            except RegistryUnavailable as error:  # the answer carries it too, and settling insists
                self._journal.unrecorded(voice, error, task_id=task_id)

        return await line.provider.speak(voice.voice_id, line.alternate_text if alternate else line.text, note)
