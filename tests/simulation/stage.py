"""Plays a plan: instances, owner and provider on one virtual clock; returns what happened."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tests.simulation import ledger
from tests.simulation.history import History, Told
from tests.simulation.instance import Instance
from tests.simulation.life import born
from tests.simulation.plan import MINUTE, PRICE, AccountPlan, Plan
from tests.simulation.ticking import host_time
from tests.simulation.upstream import Upstream, account_name, voice_name
from tests.simulation.virtual import START, SteppedClock, VirtualLoop
from voicekeeper.config import Settings
from voicekeeper.core.voice import Intent, Voice
from voicekeeper.emulator.records import Key
from voicekeeper.emulator.world import World
from voicekeeper.registry import voices
from voicekeeper.registry.voices import NewVoice


def play(plan: Plan) -> History:
    """Play a plan from its beginning to the end of its last deadline."""
    runner = asyncio.Runner(loop_factory=VirtualLoop)
    with TemporaryDirectory(prefix="voicekeeper-simulation-") as folder, runner, host_time():
        return runner.run(_play(plan, Path(folder)))


async def _play(plan: Plan, folder: Path) -> History:
    asyncio.get_running_loop().set_task_factory(born)
    stage = Stage(plan, folder)
    running = [asyncio.create_task(instance.run()) for instance in stage.instances]
    owner = asyncio.create_task(stage.register())
    done, _ = await asyncio.wait([*running, owner], timeout=plan.end, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
    stage.over = True
    for instance in stage.instances:
        instance.end()
    for task in running:
        task.cancel()
    stage.close()
    return stage.history


class Stage:
    """Everything that the instances of one simulation share."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.plan, self.loop, self.folder, self.over = plan, loop, folder, False
        self.random = Random(plan.seed ^ 0x5EED)  # noqa: S311 - not for secrets: it has to come out the same again
        by_host: dict[str, Any] = {name: [[] for _ in plan.hosts] for name in ("lives", "ticking", "rounds", "killed")}
        self.history = History(plan, **by_host)
        self.raw = ledger.emptied(loop.time)
        self.clock = SteppedClock(loop)
        keys = {account_name(i): Key(1e9, round(account.real_rpm)) for i, account in enumerate(plan.accounts)}
        self.world = World(self.clock, keys, timedelta(seconds=plan.lifetime), PRICE)
        self.upstream = Upstream(plan, self.world, self.history, self.random)
        self.settings = Settings.model_validate(_settings(plan))
        self.instances = [Instance(self, number) for number in range(len(plan.hosts))]

    async def register(self) -> None:
        """Be the owner: clone, register, change one's mind, each at its time."""
        acts: list[tuple[float, int, Callable[[int], Awaitable[None]]]] = []
        for number, voice in enumerate(self.plan.voices):
            acts.append((max(voice.cloned_at, 0.0), number, self._clone))
            acts.append((max(voice.registered_at, 0.0), number, self._enter))
            if 0 < voice.wanted_at < float("inf"):
                acts.append((max(voice.wanted_at, voice.registered_at), number, self._want))
        for wish in self.plan.of("held"):
            acts.append((wish.start, wish.who, self._let_go if wish.number else self._hold))
            acts.append((wish.end, wish.who, self._want))
        acts += [(wish.start, wish.who, self._retry) for wish in self.plan.of("retried")]
        for time, number, act in sorted(acts, key=lambda act: act[0]):
            await asyncio.sleep(max(time - self.loop.time(), 0.0))
            await act(number)

    async def _clone(self, number: int) -> None:
        voice = self.plan.voices[number]
        self.world.clone(account_name(voice.account), voice_name(number), START + timedelta(seconds=voice.cloned_at))

    async def _enter(self, number: int) -> None:
        voice = self.plan.voices[number]
        new = NewVoice(
            account=account_name(voice.account),
            voice_id=voice_name(number),
            cloned_at=START + timedelta(seconds=voice.cloned_at),
            intent=Intent.HOLD if voice.wanted_at else Intent.KEEP,
        )
        self._owners().call(voices.register, [new])
        self.changed()

    async def _want(self, number: int) -> None:
        self._decide(number, Intent.KEEP)

    async def _hold(self, number: int) -> None:
        self._decide(number, Intent.HOLD)

    async def _let_go(self, number: int) -> None:
        self._decide(number, Intent.RELEASE)

    def _decide(self, number: int, intent: Intent) -> None:
        """Change what its owner wants with a voice that still waits."""
        if self._owners().call(voices.decide, self._found(number), intent, self.clock.now()):
            self.history.note(self.loop.time(), "owner", voice_name(number), intent.value)
            if intent is not Intent.KEEP:
                self.history.count("held")
        self.changed()

    async def _retry(self, number: int) -> None:
        if self._owners().call(voices.retry, self._found(number), self.settings.default_policy, self.clock.now()):
            self.history.count("retried")
            self.history.note(self.loop.time(), "owner", voice_name(number), "retry")
        self.changed()

    def _found(self, number: int) -> Voice:
        return self._owners().call(voices.find, voice_name(number))[0]

    def _owners(self) -> ledger.Ledger:
        """Return the registry as the owner's own program reaches it, which nothing here troubles."""
        return ledger.Ledger(self.clock, _Untroubled())

    def changed(self) -> None:
        """Let every idle instance look again when its next sweep can find something."""
        for instance in self.instances:
            instance.look_again()

    def recorded_kept(self, account: int, voice_id: str) -> bool:
        """Tell whether the registry has a voice as kept, or the evidence that it was."""
        mine = "FROM voices LEFT JOIN attempts ON voice = voices.id WHERE account = ? AND voice_id = ?"
        query = f"SELECT 1 {mine} AND (status = 'kept' OR outcome = 'kept')"
        return self.raw.execute(query, (account_name(account), voice_id)).fetchone() is not None

    def close(self) -> None:
        """Take down what provider and registry say at the end."""
        self._close_provider()
        number = self.upstream.number
        columns = ("id", "voice_id", "status", "attempts", "last_outcome", "kept_at", "verified_at", "last_error")
        for row in self.raw.execute(f"SELECT {', '.join(columns)} FROM voices ORDER BY id"):  # noqa: S608 - fixed names
            facts = dict(zip(columns, row, strict=True))
            self.history.rows[number(facts["voice_id"])] = facts
            self.history.note(self.loop.time(), "end", *row)
        traces = self.raw.execute("SELECT trace_id FROM attempts WHERE trace_id IS NOT NULL")
        self.history.recorded = {trace for (trace,) in traces}
        for at, key, resolved in self.raw.execute("SELECT at, key, resolved FROM temp.told"):
            self.history.told.append(Told(at, key, bool(resolved)))
        for fault in self.plan.of("clock step"):
            if any(start <= fault.start < end for start, end in self.history.lives[fault.who]):
                self.history.count(fault.kind)
        query = "SELECT voice_id, cost FROM attempts JOIN voices ON voices.id = voice WHERE cost IS NOT NULL"
        for voice_id, cost in self.raw.execute(query):
            self.history.costs.setdefault(number(voice_id), []).append(cost)

    def _close_provider(self) -> None:
        self.world.settle()
        for (_, voice_id), voice in self.world.voices.items():
            if voice.used_at is not None:
                self.history.used[self.upstream.number(voice_id)] = (voice.used_at - START).total_seconds()
        for task in self.history.tasks:
            task.failed = self.world.tasks[task.number].error is not None


class _Untroubled:
    """The owner's way to the registry, on which nothing happens."""

    def reach(self) -> None:
        """Go on."""

    async def before_transaction(self) -> None:
        """Go on."""

    async def after_transaction(self) -> None:
        """Go on."""


def _settings(plan: Plan) -> dict[str, Any]:
    """Return the configuration of a plan, as its TOML would be read."""
    return {
        "registry": {"url": "sqlite:///simulated.db"},
        "keep": {"lifetime": f"{plan.lifetime:f}s", "keep_after": f"{plan.keep_after:f}s"},
        "accounts": {account_name(i): _account(account, account_name(i)) for i, account in enumerate(plan.accounts)},
        "serve": {"sweep_every": f"{min((host.every for host in plan.hosts), default=5 * MINUTE):f}s"},
    }


def _account(account: AccountPlan, key: str) -> dict[str, Any]:
    settings = {
        "provider": "minimax-cn",
        "api_key": key,
        "requests_per_minute": account.rpm,
        "max_concurrency": account.concurrency,
        "price_per_voice": PRICE,
        "currency": "CNY",
    }
    if account.keeps_per_day is not None:
        settings["budget_per_day"] = account.keeps_per_day * PRICE
    return settings
