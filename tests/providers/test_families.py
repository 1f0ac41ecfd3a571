"""The contract of every way to a voice: the same outcomes, whatever shape the gateway gives them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from tests.providers.accounts import KEY, TEXT
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.emulator import Emulator, Fault, Key
from voicekeeper.emulator.habits import Habits
from voicekeeper.providers.gateways import GATEWAYS, Access, Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to keep a voice: a gateway's row, a model, and whether it goes by tasks."""

    gateway: str
    speech: str
    model: str = "speech-2.8-turbo"
    prefix: str | None = None
    tasks: bool = False
    habits: Habits = field(default_factory=Habits)

    @property
    def name(self) -> str:
        return f"{self.gateway}-{self.model}{'-tasks' if self.tasks else ''}{self.prefix or ''}"

    def connect(self, url: str, key: str = KEY, timeout: float = 5) -> Connection:
        row = GATEWAYS[self.gateway]
        access = Access(
            api_key=key,
            base_url=url,
            prefix=row.prefix if self.prefix is None else self.prefix,
            model=self.model,
            timeout=timeout,
            connections=2,
            asynchronous=self.tasks,
        )
        return Connection(row, access)


QUICK = Habits(task_seconds=0.1)
WAYS = [
    Way(gateway="minimax-cn", speech="/v1/t2a_v2"),
    Way(gateway="minimax-global", speech="/v1/t2a_v2", model="speech-02-hd"),
    Way(gateway="minimax-cn", speech="/v1/t2a_async_v2", tasks=True, habits=QUICK),
    Way(gateway="hingnet", speech="/minimaxi/v1/t2a_v2"),
    Way(gateway="hingnet", speech="/minimaxi/v1/t2a_v2", model="speech-02-hd", habits=Habits(hingnet_raw_audio=0.0)),
    Way(gateway="minimax-gateway", speech="/minimax/v1/t2a_v2", prefix="/minimax"),
    Way(gateway="kkiai", speech="/minimax/v1/t2a_v2", habits=Habits(minimax_prefix="kkiai")),
    *(
        Way(gateway="ppinfra", speech=f"/v3/minimax-{model}", model=model)
        for model in ("speech-02-hd", "speech-2.5-turbo-preview", "speech-2.6-turbo", "speech-2.8-turbo")
    ),
    *(Way(gateway=name, speech="/v3/minimax-speech-2.8-turbo") for name in ("ppio", "novita", "jiekou")),
    Way(gateway="ppinfra", speech="/v3/async/minimax-speech-2.8-turbo", tasks=True, habits=QUICK),
    Way(gateway="wavespeed", speech="/api/v3/minimax/speech-2.8-turbo", tasks=True, habits=QUICK),
]
OWN = "voiceone1"  # every family's naming rule allows it


@dataclass(slots=True)
class Account:
    """One open way, and the task ids that it handed over."""

    way: Way
    emulator: Emulator
    connection: Connection
    tasks: list[str] = field(default_factory=list)

    async def note(self, task_id: str) -> None:
        self.tasks.append(task_id)

    async def speak(self, voice_id: str = OWN) -> Answer:
        return await self.connection.speak(voice_id, TEXT, self.note)

    def fault(self, kind: str, **choices: object) -> None:
        self.emulator.fault(Fault(kind, path=self.way.speech, times=1, **choices))  # type: ignore[arg-type] # by name

    def submissions(self) -> int:
        return sum(call.path == self.way.speech for call in self.emulator.world.ledger)


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
async def account(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    way: Way = request.param
    keys = {KEY: Key(), "sk-of-someone-else": Key()}
    async with Emulator(keys=keys, habits=way.habits) as emulator:
        emulator.world.clone(KEY, OWN)
        connection = way.connect(emulator.url)
        yield Account(way, emulator, connection)
        await connection.close()


def used(account: Account) -> bool:
    account.emulator.world.settle()
    return account.emulator.world.voices[KEY, OWN].used_at is not None


async def test_kept(account: Account) -> None:
    """If success were not seen, the voice would be paid for again and again; if imagined, it would be lost."""
    answer = await account.speak()
    assert (answer.outcome, used(account)) == (Outcome.KEPT, True), answer
    assert bool(account.tasks) == account.way.tasks


async def test_not_found(account: Account) -> None:
    """If a voice that is gone looked like a passing trouble, it would be tried for ever and nobody told."""
    answer = await account.speak("nosuchvoice1")
    assert answer.outcome is Outcome.NOT_FOUND, answer


async def test_a_foreign_voice_is_not_found(account: Account) -> None:
    """If another account's voice looked kept, it would be deleted."""
    other = account.way.connect(account.emulator.url, "sk-of-someone-else")
    answer = await other.speak(OWN, TEXT, account.note)
    await other.close()
    assert (answer.outcome, used(account)) == (Outcome.NOT_FOUND, False), answer


async def test_a_wrong_key_blocks(account: Account) -> None:
    """If a wrong key looked like the voice's trouble, every voice would walk the retry table to its end."""
    wrong = account.way.connect(account.emulator.url, "sk-wrong-wrong")
    answer = await wrong.speak(OWN, TEXT, account.note)
    await wrong.close()
    assert answer.outcome is Outcome.BLOCKED, answer
    assert "sk-wrong" not in answer.message


async def test_an_empty_balance_blocks(account: Account) -> None:
    """If it did not, the owner would not be told that money is needed before the next deadline."""
    account.emulator.world.keys[KEY].balance = 0.0
    answer = await account.speak()
    assert (answer.outcome, used(account)) == (Outcome.BLOCKED, False), answer


async def test_too_many_requests_throttle(account: Account) -> None:
    """If they did not, a busy minute would use up the voices' attempts."""
    account.emulator.world.keys[KEY].rpm = 1
    await account.speak()
    answer = await account.speak()
    assert answer.outcome is Outcome.THROTTLED, answer


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1000, Outcome.TRANSIENT), (1026, Outcome.REFUSED), (1008, Outcome.BLOCKED), (2054, Outcome.NOT_FOUND)],
)
async def test_codes_in_the_familys_own_dress(account: Account, code: int, outcome: Outcome) -> None:
    """If a gateway's wrapping hid MiniMax's code, policy would follow the wrapping."""
    account.fault("code", code=code)
    answer = await account.speak()
    assert (answer.outcome, used(account)) == (outcome, False), answer


@pytest.mark.parametrize("kind", ["html", "null_data", "empty_audio", "truncated", "reset", "lost", "http"])
async def test_no_malformed_answer_is_a_keep(account: Account, kind: str) -> None:
    """If anything but audio or a finished task counted, a voice would be believed safe and be deleted."""
    account.fault(kind, **({"http_status": 500} if kind == "http" else {}))
    answer = await account.speak()
    if answer.outcome is Outcome.KEPT:  # half a sound is a sound: the work was done
        assert (kind, account.way.gateway, used(account)) == ("truncated", "hingnet", True)
    else:
        assert answer.outcome in {Outcome.AMBIGUOUS, Outcome.TRANSIENT}, answer
    again = await account.speak()
    assert again.outcome is Outcome.KEPT, again


async def test_nobody_but_minimax_can_list(account: Account) -> None:
    """If a gateway's page or 404 under get_voice were an error, verify would panic over nothing."""
    await account.speak()
    listing = await account.connection.listed()
    if account.way.gateway.startswith("minimax-") and account.way.prefix is None:
        assert listing.voice_ids == frozenset({OWN})
    else:
        assert listing.voice_ids is None or OWN in listing.voice_ids, listing
        assert not listing.blocked, listing


@pytest.fixture(params=[way for way in WAYS if way.tasks], ids=lambda way: way.name)
async def slow(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    """An account whose tasks last longer than its patience."""
    way: Way = request.param
    async with Emulator(keys={KEY: Key()}, habits=Habits(task_seconds=3600)) as emulator:
        emulator.world.clone(KEY, OWN)
        connection = way.connect(emulator.url, timeout=1)
        yield Account(way, emulator, connection)
        await connection.close()


async def test_a_task_is_noted_followed_and_resumed(slow: Account) -> None:
    """If its id were lost or it were submitted again, the owner would pay twice for one voice."""
    answer = await slow.speak()
    assert (answer.outcome, slow.tasks) == (Outcome.AMBIGUOUS, [answer.task_id])
    assert answer.task_id is not None
    assert (await slow.connection.resume(answer.task_id)).outcome is Outcome.AMBIGUOUS
    slow.emulator.world.advance(3600)
    resumed = await slow.connection.resume(answer.task_id)
    assert (resumed.outcome, resumed.task_id, slow.submissions()) == (Outcome.KEPT, answer.task_id, 1), resumed


@pytest.mark.parametrize("kind", ["reset", "html", "truncated", "http"])
async def test_a_question_that_fails_says_nothing_about_the_task(
    slow: Account, kind: str, find_question: Callable[[Account], str]
) -> None:
    """If it did, a task that goes on would be submitted again."""
    answer = await slow.speak()
    assert answer.task_id is not None
    slow.emulator.fault(Fault(kind, path=find_question(slow), times=1, http_status=500 if kind == "http" else None))
    asked = await slow.connection.resume(answer.task_id)
    assert (asked.outcome, asked.task_id) == (Outcome.AMBIGUOUS, answer.task_id), asked


@pytest.fixture
def find_question() -> Callable[[Account], str]:
    """Return the path at which each family is asked for a task."""
    paths = {
        "minimax-cn": "/v1/query/t2a_async_query_v2",
        "ppinfra": "/v3/async/task-result",
        "wavespeed": "/api/v3/predictions/{prediction_id}/result",
    }
    return lambda account: paths[account.way.gateway]
