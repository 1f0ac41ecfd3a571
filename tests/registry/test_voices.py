"""The registry for people and their programs: register, find, list, decide, retry, prove, count."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.registry.registry_steps import (
    ACCOUNT,
    DAY,
    HOUR,
    POLICY,
    START,
    add,
    answer,
    change,
    claim,
    claim_one,
    due,
    everyone,
    evidence,
    insert,
    open_account,
    settle,
    try_once,
    voice,
)
from voicekeeper.core.errors import InputError
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.registry import outbox, planning, preview, probe, single, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.voices import Filter, NewVoice


def pages(database: Database, wanted: Filter, size: int) -> list[str]:
    """Read a listing page by page to its end."""
    names, last = [], None
    while page := database.call(voices.listing, wanted, last, size):
        names += [found.voice_id for found in page]
        last = page[-1]
    return names


def test_everything_registered_is_read_back(database: Database) -> None:
    """A voice would not be what its owner entered."""
    new = NewVoice(
        account=ACCOUNT,
        voice_id="mine",
        cloned_at=START,
        label="Ännchen 🎙",
        origin=Origin.DESIGN,
        intent=Intent.HOLD,
        priority=7,
        deadline=START + DAY,
    )
    database.call(voices.register, [new])
    mine = voice(database, "mine")
    for name in ("account", "voice_id", "cloned_at", "label", "origin", "intent", "priority", "deadline"):
        assert getattr(mine, name) == getattr(new, name)


@pytest.mark.parametrize("bad", [{"voice_id": "v0"}, {"deadline": START - DAY}, {"account": ""}], ids=str)
def test_one_bad_row_registers_none(database: Database, bad: dict[str, object]) -> None:
    """Half an import would be entered, and the second try be refused for it; a bad row would look like an outage."""
    add(database, "v0")
    row = {"account": ACCOUNT, "voice_id": "bad", "cloned_at": START} | bad
    new = [NewVoice(account=ACCOUNT, voice_id=f"v{n}", cloned_at=START) for n in range(1, 700)]
    with pytest.raises(InputError):
        database.call(voices.register, [*new, NewVoice(**row)])  # type: ignore[arg-type] # a row of several types
    assert [found.voice_id for found in everyone(database)] == ["v0"]


@pytest.mark.parametrize("bad", [{"label": "x" * 256}, {"deadline": START}], ids=["label", "deadline"])
def test_what_the_database_refuses_is_named(database: Database, bad: dict[str, object]) -> None:
    """An import would end in a traceback, or say of a row that it is wrong for ever that another try may help."""
    names = [f"v{number}" for number in range(600)]
    good = [NewVoice(account=ACCOUNT, voice_id=name, cloned_at=START) for name in names]
    odd = NewVoice(account=ACCOUNT, voice_id="odd", cloned_at=START, **bad)  # type: ignore[arg-type] # likewise
    said = "^main/odd: the registry refuses it: [^\\n]+$"
    with pytest.raises(InputError, match=said):
        database.call(voices.register, [*good, odd])
    with pytest.raises(InputError, match=said):
        database.call(single.enrol, odd)
    assert everyone(database) == []
    assert database.call(voices.adopt, [good[0], odd, good[1]], START + HOUR) == ["odd"]
    assert sorted(found.voice_id for found in everyone(database)) == names[:2]


def test_known_names_are_told_from_new_ones(database: Database) -> None:
    """An import would be refused, or entered, for the wrong reason."""
    add(database, *(f"v{n}" for n in range(600)))
    asked = {(ACCOUNT, f"v{n}") for n in range(590, 1200)} | {("other", "v1"), (ACCOUNT, "V1")}
    assert database.call(voices.known, asked) == {(ACCOUNT, f"v{n}") for n in range(590, 600)}


def test_a_voice_is_found_by_either_name(database: Database) -> None:
    """A command would work the wrong voice, or none."""
    for account_name, name in ((ACCOUNT, "mine"), ("other", "mine"), (ACCOUNT, "with/slash"), ("with", "slash")):
        add(database, name, account=account_name)
    found = {name: [one.name for one in database.call(voices.find, name)] for name in ("mine", "main/mine", "nobody")}
    assert found == {"mine": ["main/mine", "other/mine"], "main/mine": ["main/mine"], "nobody": []}
    assert [one.name for one in database.call(voices.find, "with/slash")] == ["main/with/slash", "with/slash"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_hold_every_voice_once_in_order(database: Database, size: int) -> None:
    """A voice would be missing from the list, or stand on two pages."""
    for n in range(4):
        add(database, f"same{n}")
    add(database, "later", cloned_at=START + HOUR)
    add(database, "sooner", cloned_at=START - HOUR)
    for n in range(3):
        database.call(voices.register, [NewVoice(account=ACCOUNT, voice_id=f"new{n}", cloned_at=START)])
    order = ["new0", "new1", "new2", "sooner", "same0", "same1", "same2", "same3", "later"]
    assert pages(database, Filter(), size) == order


def test_pages_hold_a_deadline_given_in_short_form(database: Database) -> None:
    """Voices that another program registered would vanish from the list at the border of a page."""
    with database.transaction() as connection:
        for n in range(5):
            insert(connection, voice_id=f"v{n}", deadline="2026-03-05 12:00:00")
    assert pages(database, Filter(), 2) == ["v0", "v1", "v2", "v3", "v4"]


def test_a_filter_lists_what_it_says(database: Database) -> None:
    """The list would hide a voice at risk."""
    open_account(database)
    add(database, "kept", cloned_at=START - 2 * HOUR)
    try_once(database, Outcome.KEPT, START)
    add(database, "soon", cloned_at=START - HOUR)
    add(database, "later")
    add(database, "theirs", account="other")
    database.call(voices.register, [NewVoice(account=ACCOUNT, voice_id="new", cloned_at=START)])
    assert pages(database, Filter(status=Status.KEPT), 2) == ["kept"]
    assert pages(database, Filter(account="other"), 2) == ["theirs"]
    assert pages(database, Filter(account=ACCOUNT, status=Status.WAITING), 2) == ["new", "soon", "later"]
    assert pages(database, Filter(at_risk_before=START + 167 * HOUR), 2) == ["new", "soon"]


def test_a_decision_counts_while_a_voice_waits(database: Database) -> None:
    """Its owner's choice would be lost, or rewrite what is over."""
    open_account(database)
    add(database, "mine")
    for intent in (Intent.HOLD, Intent.RELEASE, Intent.KEEP):
        assert database.call(voices.decide, voice(database, "mine"), intent, START)
        assert voice(database, "mine").intent is intent
    try_once(database, Outcome.KEPT, START)
    assert not database.call(voices.decide, voice(database, "mine"), Intent.RELEASE, START)
    assert voice(database, "mine").intent is Intent.KEEP


def test_releasing_a_voice_ends_its_alarm(database: Database) -> None:
    """The alarm would go on for a voice that its owner let go."""
    add(database, "mine")
    database.call(planning.warn_some, {}, POLICY, START + 100 * HOUR)
    assert len(database.call(outbox.open_alerts)) == 1
    database.call(voices.decide, voice(database, "mine"), Intent.RELEASE, START + 100 * HOUR)
    assert database.call(outbox.open_alerts) == []


@pytest.mark.parametrize("status", [Status.WAITING, Status.LOST, Status.RELEASED])
def test_a_retry_makes_a_voice_due_at_once(database: Database, status: Status) -> None:
    """An owner could not have a voice tried again."""
    add(database, "mine")
    change(database, "mine", status=status.value, intent="release", due_at=START + DAY, streak=3)
    assert database.call(voices.retry, voice(database, "mine"), POLICY, START + HOUR)
    mine = voice(database, "mine")
    assert (mine.status, mine.intent, mine.due_at, mine.streak) == (Status.WAITING, Intent.KEEP, START + HOUR, 0)
    assert due(database, START + HOUR) == [mine.id]


def test_a_retry_that_fails_is_told_again(database: Database) -> None:
    """Whoever has a voice tried again in its last hour would take the end of the alarm for a success."""
    open_account(database)
    add(database, "mine")
    late = START + 168 * HOUR - HOUR / 2
    try_once(database, Outcome.TRANSIENT, late)
    database.call(planning.warn_some, {}, POLICY, late)
    database.call(voices.retry, voice(database, "mine"), POLICY, late)
    assert database.call(outbox.open_alerts) == []
    try_once(database, Outcome.TRANSIENT, late)
    database.call(planning.warn_some, {}, POLICY, late)
    assert len(database.call(outbox.open_alerts)) == 1


@pytest.mark.parametrize("intent", [Intent.KEEP, Intent.HOLD])
def test_a_release_that_is_taken_back_brings_its_alarm_back(database: Database, intent: Intent) -> None:
    """A voice that its owner wants again in its last hour would be lost without a word."""
    late = START + 168 * HOUR - HOUR / 2
    add(database, "mine")
    database.call(planning.warn_some, {}, POLICY, late)
    database.call(voices.decide, voice(database, "mine"), Intent.RELEASE, late)
    database.call(voices.decide, voice(database, "mine"), intent, late)
    database.call(planning.warn_some, {}, POLICY, late)
    assert len(database.call(outbox.open_alerts)) == 1


def test_what_is_not_planned_yet_is_not_warned_of_for_ever(database: Database) -> None:
    """A sweep would look at the same voice again and again, and never end."""
    database.call(voices.register, [NewVoice(account=ACCOUNT, voice_id="mine", cloned_at=START, intent=Intent.RELEASE)])
    database.call(voices.decide, voice(database, "mine"), Intent.KEEP, START)
    assert database.call(planning.warn_some, {}, POLICY, START) == 0


def test_a_retry_never_calls_a_kept_voice_again(database: Database) -> None:
    """A voice would be paid twice."""
    open_account(database)
    add(database, "mine")
    try_once(database, Outcome.KEPT, START)
    assert not database.call(voices.retry, voice(database, "mine"), POLICY, START)
    assert voice(database, "mine").status is Status.KEPT


def test_a_retry_before_planning_loses_neither_itself_nor_the_deadline(database: Database) -> None:
    """A voice retried right after it was registered would wait for `keep_after`, or have no deadline and no warning."""
    late = Policy(keep_after=DAY)
    database.call(voices.register, [NewVoice(account=ACCOUNT, voice_id="mine", cloned_at=START)])
    assert database.call(voices.retry, voice(database, "mine"), late, START + HOUR)
    database.call(planning.plan_some, {}, late)
    mine = voice(database, "mine")
    assert (mine.deadline, mine.due_at) == (START + 168 * HOUR, START + HOUR)
    assert mine.warn_at is not None


def test_the_providers_list_proves_what_it_shows(database: Database) -> None:
    """A voice that is permanent would be called, or its loss reported."""
    add(database, "waiting", "lost", "kept", "released", "unlisted")
    change(database, "lost", status="lost")
    change(database, "released", status="released")
    change(database, "kept", status="kept", kept_at=START)
    listed = frozenset({"waiting", "lost", "kept", "released", "strange"})
    shown = database.call(voices.provable, ACCOUNT, listed)
    assert {one.voice_id for one in shown} == {"waiting", "lost", "kept"}
    database.call(voices.prove, shown, START + HOUR)
    for name, kept_at in (("waiting", START + HOUR), ("lost", START + HOUR), ("kept", START)):
        proved = voice(database, name)
        assert (proved.status, proved.kept_at, proved.verified_at) == (Status.KEPT, kept_at, START + HOUR)
    assert voice(database, "unlisted").status is Status.WAITING
    assert database.call(voices.provable, ACCOUNT, listed) == []
    assert database.call(voices.provable, "other", listed) == []


def test_a_proof_ends_the_alarm_and_outlives_an_older_call(database: Database) -> None:
    """A voice proved to be permanent would still be alarmed of, or be made waiting by an older call."""
    open_account(database)
    add(database, "mine")
    database.call(planning.warn_some, {}, POLICY, START + 100 * HOUR)
    claimed = claim_one(database, START + 100 * HOUR)
    change(database, "mine", lease_until=START)
    database.call(voices.prove, [voice(database, "mine")], START + 101 * HOUR)
    settle(database, claimed, answer(Outcome.TRANSIENT), START + 102 * HOUR)
    mine = voice(database, "mine")
    assert (mine.status, mine.lease_owner, mine.kept_at) == (Status.KEPT, None, START + 101 * HOUR)
    assert database.call(outbox.open_alerts) == []


def test_what_is_being_called_is_proved_by_its_answer(database: Database) -> None:
    """The list already shows the voice: what it costs would be booked by two, or by nobody."""
    open_account(database)
    add(database, "mine")
    claimed = claim_one(database, START, "host-1#7", price=9.9)
    assert database.call(voices.provable, ACCOUNT, {"mine"}, "host-2") == []
    assert len(database.call(voices.provable, ACCOUNT, {"mine"}, "host-1")) == 1, "its own calls are over"
    assert database.call(voices.prove, [voice(database, "mine")], START) == []
    settle(database, claimed, answer(Outcome.KEPT), START, price=9.9)
    assert [row["cost"] for row in evidence(database, "mine")] == [Decimal("9.9")]


@pytest.mark.parametrize("died", [True, False])
def test_a_proof_books_what_a_lost_answer_cost(database: Database, *, died: bool) -> None:
    """Each process that dies during a call would take a fee out of the books, and leave an attempt open for ever."""
    open_account(database)
    add(database, "mine", "unasked")
    claimed = claim_one(database, START, price=9.9, currency="CNY")
    if died:
        change(database, "mine", lease_until=START)
    else:
        settle(database, claimed, answer(Outcome.AMBIGUOUS), START, price=9.9, currency="CNY")
    shown = database.call(voices.provable, ACCOUNT, {"mine", "unasked"})
    database.call(voices.prove, shown, START + HOUR, "CNY")
    lost, listed = evidence(database, "mine")
    assert (lost["outcome"], lost["cost"]) == ("ambiguous", None)
    assert (listed["outcome"], listed["cost"], listed["currency"]) == ("kept", Decimal("9.9"), "CNY")
    assert evidence(database, "unasked") == [], "somebody else has used it"
    add(database, "next")
    assert len(claim(database, START + HOUR, price=9.9, budget_per_day=19.8).work) == 1, "it counts once"


def test_a_listed_voice_is_adopted_unless_somebody_has_entered_it(database: Database) -> None:
    """A voice would be entered twice, or its owner's own words and decisions be overwritten."""
    add(database, "theirs", label="Anna", intent=Intent.HOLD)
    shown = [NewVoice(account=ACCOUNT, voice_id=name, cloned_at=START - DAY) for name in ("mine", "theirs")]
    for hours in (1, 2):
        database.call(voices.adopt, shown, START + hours * HOUR)
    mine, theirs = voice(database, "mine"), voice(database, "theirs")
    assert (mine.status, mine.kept_at, mine.verified_at) == (Status.KEPT, START + HOUR, START + HOUR)
    assert mine.cloned_at == START - DAY
    assert (theirs.status, theirs.label, theirs.intent) == (Status.WAITING, "Anna", Intent.HOLD)
    assert len(everyone(database)) == 2


ODD = ("", " blank", "blank ", "x" * 257, "two\nlines", "nul\0", "half\ud800", "\x1b[31m")


def test_a_name_that_can_be_registered_is_taken_by_every_database(database: Database) -> None:
    """One name of a provider's list would stop all others from being registered."""
    names = ["🎙" * 256, "'; --", "100%s%(x)s", "a/b", "Ännchen 🎙", "语音", "back\\slash", '"quoted"']
    assert [voices.can_be_registered(name) for name in (*names, *ODD)] == [True] * len(names) + [False] * len(ODD)
    new = [NewVoice(account=ACCOUNT, voice_id=name, cloned_at=START) for name in names]
    database.call(voices.adopt, new, START)
    assert database.call(voices.provable, ACCOUNT, [*names, *ODD]) == []
    assert sorted(found.voice_id for found in everyone(database)) == sorted(names)


def test_the_kept_that_no_list_has_shown_are_listed_oldest_first(database: Database) -> None:
    """A keep that did not take would go unnoticed."""
    add(database, "old", "new", "verified", "waiting")
    for name, hours in (("new", 2), ("old", 1), ("verified", 0)):
        change(database, name, status="kept", kept_at=START + hours * HOUR)
    change(database, "verified", verified_at=START)
    assert [one.voice_id for one in database.call(voices.unverified, ACCOUNT, 10)] == ["old", "new"]
    assert [one.voice_id for one in database.call(voices.unverified, ACCOUNT, 1)] == ["old"]
    assert database.call(voices.ids_of, ACCOUNT) == {"old", "new", "verified", "waiting"}


def test_the_summary_counts_everything(database: Database) -> None:
    """The dashboard would show another registry than there is."""
    open_account(database, ACCOUNT, "other")
    add(database, "overdue", cloned_at=START - 169 * HOUR)
    add(database, "held", cloned_at=START - HOUR, intent=Intent.HOLD)
    add(database, "kept", "verified", "lost")
    add(database, "theirs", account="other")
    for name in ("kept", "verified"):
        change(database, name, status="kept", kept_at=START)
    change(database, "verified", verified_at=START)
    change(database, "lost", status="lost")
    database.call(planning.warn_some, {}, POLICY, START)
    found = database.call(voices.summary, START)
    assert found.counts == {
        (ACCOUNT, Status.WAITING): 2,
        (ACCOUNT, Status.KEPT): 2,
        (ACCOUNT, Status.LOST): 1,
        ("other", Status.WAITING): 1,
    }
    assert found.next_deadline == {ACCOUNT: START - HOUR, "other": START + 168 * HOUR}
    assert (found.on_hold, found.overdue, found.unverified) == (1, 1, 1)
    assert [one.name for one in found.accounts] == [ACCOUNT, "other"]
    assert [one.key for one in found.alerts] == [f"voice/{voice(database, 'overdue').id}/rung"]


def test_evidence_is_in_order_and_named_like_the_columns(database: Database) -> None:
    """The proof of what was paid would be unreadable."""
    open_account(database)
    add(database, "mine", "other")
    try_once(database, Outcome.TRANSIENT, START)
    change(database, "mine", due_at=START)
    try_once(database, Outcome.KEPT, START + timedelta(seconds=1))
    rows = database.call(voices.evidence, voice(database, "mine"))
    assert [row["outcome"] for row in rows] == ["transient", "kept"]
    assert {"id", "voice", "instance", "started_at", "finished_at", "cost", "currency", "trace_id"} <= rows[0].keys()


def test_a_preview_shows_what_a_sweep_would_do(database: Database) -> None:
    """A dry run would hide what is not planned yet, or show what will not be called."""
    add(database, "planned", "held", cloned_at=START - HOUR)
    change(database, "held", intent="hold")
    for name, account_name, cloned_at in (
        ("new", ACCOUNT, START),
        ("far", ACCOUNT, START + DAY),
        ("x", "other", START),
    ):
        database.call(voices.register, [NewVoice(account=account_name, voice_id=name, cloned_at=cloned_at)])
    shown = database.call(preview.due_before, START, {ACCOUNT: POLICY}, POLICY, 100)
    assert [(one.voice_id, one.deadline) for one in shown] == [
        ("planned", START + 167 * HOUR),
        ("new", START + 168 * HOUR),
    ]
    assert voice(database, "new").due_at is None


def test_the_write_probe_leaves_nothing_behind(database: Database) -> None:
    """A check would fail on a registry that works, or leave an account that nobody configured."""
    for _ in range(2):
        database.call(probe.write)
    assert database.call(voices.summary, START).accounts == []
