"""Keeps voices: claim → speak → settle. Read this first.

A sweep is one pass over what is due. It plans the voices that were registered since the last one, works every
account's due voices side by side, earliest deadline first, lets go what its owner let go, and warns of what is
still not kept. A voice is claimed with its attempt already written down, spoken with once, and settled by the rules
of `core.lifecycle`; whatever happens in between, the registry knows that a call may have been made.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from voicekeeper.calls import Calls, first_failure
from voicekeeper.clock import Clock
from voicekeeper.core import lifecycle, rate
from voicekeeper.core.duration import format_duration
from voicekeeper.core.errors import RegistryError, RegistryUnavailable
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Status
from voicekeeper.due import DueVoices
from voicekeeper.foresight import Ahead, Foresight
from voicekeeper.journal import Journal, Observer, text
from voicekeeper.proof import LISTED, Proof
from voicekeeper.registry import accounts, claims, clonings, failing, overdue, planning, upcoming
from voicekeeper.registry.claims import Claim
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.settling import Settlement, Written
from voicekeeper.registry.spending import Terms
from voicekeeper.report import Report
from voicekeeper.settlements import Settlements
from voicekeeper.skew import SkewWatch
from voicekeeper.speaking import Line, Speaker
from voicekeeper.spool import Spool

#: A sweep does not wait longer than this for an account's next slot; the account's voices stay due.
_LONGEST_WAIT = timedelta(minutes=1)
#: New voices are planned for so long at most before those are called that are due already.
_PLANNING = timedelta(seconds=15)
#: Whoever waits looks this often whether it is told to stop. How long is measured by a clock that nobody sets.
_LOOK = timedelta(seconds=1)


class Keeper:
    """Sweeps one registry over the lines to its accounts."""

    def __init__(
        self,
        database: Database,
        lines: Mapping[str, Line],
        policies: Mapping[str, Policy],
        default: Policy,
        *,
        clock: Clock,
        instance: str,
        log: Any,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        progress: Callable[[Report], None] = lambda _: None,
        observer: Observer | None = None,
        spool: Spool | None = None,
        grace: timedelta = timedelta(hours=1),
    ) -> None:
        self._grace = grace
        self.lines, self.stopping = lines, False
        self._database, self._clock, self._instance = database, clock, instance
        self._journal = Journal(log, observer)
        self._settlements = Settlements(database, spool or Spool(None, log), clock, self._journal)
        self._policies, self._default = policies, default
        self._proof = Proof(database, clock, log, instance)
        self._speaker = Speaker(database, self._proof, self._journal)
        self._skew = SkewWatch(database, clock, log)
        self.foresight = Foresight(database, clock)
        self._progress = progress
        self._claims = 0
        self._begun = clock.now()

    async def sweep(self, longest: timedelta | None = None, report: Report | None = None) -> Report:
        """Work everything that is due, for `longest` at most; raise RegistryError when the registry does not work.

        With a `report` the sweep goes on where that one stopped.
        """
        report, start = report or Report(), self._clock.now()
        self._begun = start
        report.go_on()
        until = None if longest is None else self._clock.monotonic() + longest.total_seconds()
        await self._catch_up(report)
        await self._plan(report, start)
        await self._side_by_side(report, until)
        await self._catch_up(report)
        await self._let_go(report)
        await self._warn(report)
        self._journal.log.info(
            "sweep.finished", **report.figures(), seconds=round((self._clock.now() - start).total_seconds(), 1)
        )
        return report

    async def next_due(self) -> datetime | None:
        """Return when the next voice comes due, or its account's budget begins anew; None when none is planned.

        What came due during the last sweep counts: it may have come too late for it.
        """
        now = self._clock.now()
        due = await self._database.run(upcoming.next_due, now, self._begun)
        moments = (due, *(line.terms.renews(now) for line in self.lines.values()))
        return min((moment for moment in moments if moment is not None), default=None)

    async def hurried(self, report: Report) -> bool:
        """Wait for a voice that the provider put off for a moment and that has little time left; False where none is.

        Nobody knows when this one is started again, if it is a one-shot.
        """
        now, able = self._clock.now(), self.lines.keys() - report.paused - report.stopped.keys()
        due = await self._database.run(upcoming.next_hurried, sorted(able), now, now + _LONGEST_WAIT)
        if due is not None:
            await self._cut_off((due - self._clock.now()).total_seconds())
        return due is not None

    async def _plan(self, report: Report, now: datetime) -> None:
        """Pick up what cut-off clonings left, and give new voices their times, very many of them in several rounds."""
        for begun in await self._database.run(clonings.pick_up, now):
            name, at = begun.voice_id, text(begun.cloned_at)
            self._journal.log.warning("clone.cut_off", account=begun.account, voice_id=name, cloned_at=at)
        end = self._clock.monotonic() + _PLANNING.total_seconds()
        while await self._database.run(planning.plan_some, self._policies, self._default):
            if self._over(end):
                report.unfinished.update(self.lines)
                report.moved = True
                return

    async def _side_by_side(self, report: Report, until: float | None) -> None:
        """Work all accounts; where one fails, the others' calls under way still end and are written down."""
        works = [self._work(line, report, until) for line in self.lines.values()]
        works.append(self._set_aside(report, until))
        failures = [done for done in await asyncio.gather(*works, return_exceptions=True) if done is not None]
        for failure in failures:
            raise first_failure(failure)

    async def _set_aside(self, report: Report, until: float | None) -> None:
        """Set aside what no account can keep; nobody's calls wait for it."""
        while names := await self._database.run(planning.set_aside_some, list(self.lines), self._clock.now()):
            for name in sorted(set(names) - report.unknown):
                self._journal.log.error("account.unknown", account=name)
            report.unknown.update(names)
            if self._over(until):
                report.unfinished.update(names)
                return

    async def _work(self, line: Line, report: Report, until: float | None) -> None:
        """Work one account's due voices, as many at once as it allows; then prove what was kept."""
        before = report.kept
        async with asyncio.TaskGroup() as group:
            calls = Calls(group, line.concurrency)
            try:
                await self._claim_all(line, calls, report, until)
            except RegistryError:  # the calls under way may still be written down
                await calls.all_done()
                raise
        if report.kept > before:
            report.verified += await self._proof.of_keeps(line.terms, line.provider)
        await self._skew.judge(line.terms.account)

    async def _claim_all(self, line: Line, calls: Calls, report: Report, until: float | None) -> None:
        """Claim voices whenever the account has a place, a slot and the money for them, and start their calls."""
        account = line.terms.account
        due = DueVoices(self._database, self._clock, account, lambda: self._settlements.voices)
        while (places := await calls.places()) and not self._over(until):
            ids = await due.take(places)
            if not ids:
                report.busy |= await due.held_elsewhere()
                return
            await self._catch_up(report)
            claim = await self._claim(line, ids, places)
            due.came_to(worked=bool(claim.work or claim.wait), untouched=claim.untouched)
            for claimed in claim.work:
                calls.start(self._keep(line, claimed, report))
            if claim.probe:
                await calls.all_done()
            if reason := _reason_to_stop(claim, line.terms):
                report.stopped[account] = reason
                return
            if claim.wait:
                # Half of the horizon's slots are claimed at once, not each by itself.
                cut = await self._cut_off((claim.wait - rate.HORIZON / 2).total_seconds(), until)
                report.moved |= cut and 2 * line.terms.space > _LONGEST_WAIT  # a round may see none of its slots
        report.unfinished.add(account)

    async def _cut_off(self, seconds: float, until: float | None = None) -> bool:
        """Wait so long for a slot; True when the round is over before: the other accounts must not wait for it."""
        end = self._clock.monotonic() + seconds
        while not (over := self._over(until)) and (left := end - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(max(left, 0.01), _LOOK.total_seconds()))
        return over

    async def _claim(self, line: Line, ids: list[int], most: int) -> Claim:
        self._claims += 1
        token = f"{self._instance}#{self._claims}"
        return await self._database.run(claims.claim, line.terms, ids, most, self._clock.now(), token)

    async def _keep(self, line: Line, claimed: Claimed, report: Report) -> None:
        """Speak with one claimed voice at its slot, and settle what came of it whatever happens meanwhile."""
        start = self._clock.monotonic()
        try:
            await self._clock.sleep(claimed.wait.total_seconds())
            if not await self._workable(line, claimed, report):
                return
            start = self._clock.monotonic()
            answer = await self._speaker.speak(line, claimed)
        except asyncio.CancelledError:
            stopped = Answer(outcome=Outcome.AMBIGUOUS, message="voicekeeper was stopped during the call.")
            await asyncio.shield(self._settle(line, claimed, stopped, report, start))
            raise
        await asyncio.shield(self._settle(line, claimed, answer, report, start))

    async def _workable(self, line: Line, claimed: Claimed, report: Report) -> bool:
        """Give back what must not be called: a lease that ran out on the way, a voice_id that cannot be."""
        now = self._clock.now()
        problem = line.id_problem(claimed.voice.voice_id)
        if problem is None and now < claimed.until:
            return True
        try:
            if problem is not None:
                await self._database.run(claims.put_aside, claimed, problem, now)
                self._journal.set_aside(claimed.voice, problem)
                report.failing.add(claimed.voice.id)
            else:
                await self._database.run(claims.give_back, claimed, now)
        except RegistryUnavailable as error:  # the lease runs out by itself
            self._journal.unrecorded(claimed.voice, error)
        return False

    async def _settle(self, line: Line, claimed: Claimed, answer: Answer, report: Report, start: float) -> None:
        """Settle an answer by the rules, write it down, and say so."""
        now = self._clock.now()
        self._skew.hear(line.terms.account, answer.server_time)
        settled = lifecycle.settle(claimed.voice, answer, now, account_paused=claimed.account.paused)
        if answer is LISTED:
            settled = replace(settled, voice=replace(settled.voice, verified_at=now))
        settlement = Settlement(claimed, settled, answer, now, line.terms)
        written = await self._settlements.record(settlement)
        if written is not None:
            self._tell(settlement, written, report, self._clock.monotonic() - start)

    async def _catch_up(self, report: Report) -> None:
        """Write down the answers that the registry did not take before: until then nothing else is done."""
        async for settlement, written in self._settlements.catch_up():
            self._tell(settlement, written, report)

    def _tell(self, settlement: Settlement, written: Written, report: Report, seconds: float | None = None) -> None:
        """Say what was written down, and count it."""
        claimed, answer = settlement.claimed, settlement.answer
        if written.ours:
            voice = settlement.settled.voice
            report.count(voice, written.account)
            self._journal.settled(voice, answer, claimed.attempt, settlement.now, seconds)
        else:
            self._journal.superseded(claimed.voice, answer, claimed.attempt)
        self._journal.account(claimed.account, written.account)
        self._progress(report)

    async def _let_go(self, report: Report) -> None:
        """Settle the voices on hold or released whose deadline has passed."""
        while gone := await self._database.run(planning.expire_some, self._clock.now()):
            for voice in gone:
                lost = voice.status is Status.LOST
                report.lost += lost
                report.released += not lost
                self._journal.let_go(voice)

    async def _warn(self, report: Report) -> None:
        """Raise the alarm for what is not kept although its deadline nears; a paused account has its own."""
        run, now = self._database.run, self._clock.now()
        known = await run(accounts.everyone)
        held_back = [account.name for account in known if account.paused]
        report.paused.update(set(held_back) & set(self.lines))
        queued, stopped = report.unfinished, report.stopped
        warn = partial(planning.warn_some, paused=held_back, queued=queued, stopped=stopped)
        while await run(warn, self._policies, self._default, now):
            pass
        await run(overdue.look, list(self.lines), {*held_back, *queued, *stopped}, self._grace, now)
        await run(failing.look, [account for account in known if account.name in self.lines], now)
        await self.foresight.look([self._ahead(line) for line in self.lines.values()])

    def _ahead(self, line: Line) -> Ahead:
        name = line.terms.account
        return Ahead(line.terms, line.concurrency, self._policies.get(name, self._default))

    def _over(self, until: float | None) -> bool:
        """Tell whether the sweep is to end; a clock that is set back must not lengthen it."""
        return self.stopping or (until is not None and self._clock.monotonic() >= until)


def _reason_to_stop(claim: Claim, terms: Terms) -> str | None:
    """Say why an account has no more calls to give in this sweep; None when it has."""
    wait = claim.wait or timedelta()
    if claim.stopped or wait <= max(_LONGEST_WAIT, 2 * terms.space):
        return claim.stopped
    return f"throttled for another {format_duration(wait)}"
