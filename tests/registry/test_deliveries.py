"""Who is told what: each channel by its own rule, at its own time, and each instance tells what no other does."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tests.registry.delivery_steps import EVERY, GAP, ONE, TWO, alert, begin, rise, tell, warning
from tests.registry.registry_steps import DAY, HOUR, MINUTE, POLICY, START, add, change, open_account, voice
from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rhythm, Rule
from voicekeeper.registry import deliveries, outbox, planning, single, upcoming
from voicekeeper.registry.database import Database
from voicekeeper.registry.deliveries import Results
from voicekeeper.registry.digest import figures
from voicekeeper.registry.tables import channels


def test_everybody_is_told_once(database: Database) -> None:
    """A channel would hear nothing, or the same at every sweep."""
    rise(database, alert())
    assert tell(database) == {"one": ["voice/1/rung"], "two": ["voice/1/rung"]}
    assert tell(database, START + HOUR) == {}
    assert tell(database, START + EVERY) == {"one": ["voice/1/rung"], "two": ["voice/1/rung"]}


def test_only_the_channel_that_failed_is_tried_again(database: Database) -> None:
    """People on a dead channel would never hear what others heard, or those others would hear it again and again."""
    rise(database, alert(event=True))
    assert tell(database, dead=["two"]) == {"one": ["voice/1/rung"]}
    assert tell(database, START + MINUTE / 2) == {}
    assert tell(database, START + MINUTE) == {"two": ["voice/1/rung"]}
    assert tell(database, START + DAY) == {}
    assert database.call(outbox.open_alerts) == []


def test_a_channel_that_fails_is_tried_later_and_later(database: Database) -> None:
    """A dead chat server would be called at every sweep, or given up."""
    rise(database, alert(event=True))
    now, waits = START, []
    for _ in range(5):
        tell(database, now, [ONE], dead=["one"])
        later = database.call(upcoming.next_due, now)
        assert later is not None
        waits.append((later - now) / MINUTE)
        now = later
    assert waits == [1, 2, 5, 10, 10]
    assert tell(database, now, [ONE]) == {"one": ["voice/1/rung"]}


def test_a_channel_that_fails_is_reported_through_the_others_and_so_is_its_recovery(database: Database) -> None:
    """Nobody would know that a part of the people has heard nothing for days."""
    rise(database, alert(event=True))
    told, now = [], START
    for _ in range(12):
        told.append(tell(database, now, dead=["two"]))
        now += GAP
    assert {"one": ["channel/two/failing"]} in told
    assert sum("channel/two/failing" in sent.get("one", []) for sent in told) == 1
    rise(database, alert("voice/2/rung", event=True), now=now + HOUR)
    later = tell(database, now + HOUR)
    assert later["two"] == ["voice/1/rung", "voice/2/rung"], "what it missed, and not that it failed"
    assert tell(database, now + 2 * HOUR) == {"one": ["resolved channel/two/failing"]}


def test_an_only_channel_is_not_told_that_it_fails(database: Database) -> None:
    """Its first message after an outage would be that it is dead."""
    rise(database, alert(event=True))
    now = START
    for _ in range(6):
        tell(database, now, [ONE], dead=["one"])
        now += 10 * MINUTE
    assert [one.key for one in database.call(outbox.open_alerts)] == ["channel/one/failing", "voice/1/rung"]
    assert tell(database, now, [ONE]) == {"one": ["voice/1/rung"]}
    assert tell(database, now + HOUR, [ONE]) == {}
    assert database.call(outbox.open_alerts) == []


def test_a_channel_that_is_gone_is_forgotten(database: Database) -> None:
    """An alert about a channel that was taken out of the configuration would be repeated for ever."""
    rise(database, warning(event=True))
    for number in range(6):
        tell(database, START + number * 10 * MINUTE, dead=["two"])
    tell(database, START + 2 * DAY, [ONE])
    assert database.call(outbox.open_alerts) == []
    assert tell(database, START + 3 * DAY, [ONE]) == {}


def test_a_channel_whose_address_is_corrected_hears_what_the_wrong_one_did_not(database: Database) -> None:
    """Whoever mends a dead channel would never hear of the voices that were lost meanwhile."""
    rise(database, alert("voice/1/lost", event=True), alert("voice/2/rung"))
    assert tell(database, dead=["one", "two"]) == {}
    corrected = Rule(id="corrected", name="json://corrected")
    told = tell(database, START + MINUTE, [ONE, corrected])
    assert {name: sorted(keys) for name, keys in told.items()} == {
        name: ["voice/1/lost", "voice/2/rung"] for name in ("one", "corrected")
    }


def test_a_new_channel_is_not_told_again_what_the_others_have_heard(database: Database) -> None:
    """Whoever takes a channel away would hear everything a second time."""
    rise(database, alert(event=True))
    assert tell(database, dead=["two"]) == {"one": ["voice/1/rung"]}
    assert tell(database, START + MINUTE, [ONE]) == {}
    assert database.call(outbox.open_alerts) == []


def test_what_is_over_waits_for_the_next_message_too(database: Database) -> None:
    """Good news would come one by one while a storm passes."""
    rise(database, *(alert(f"voice/{number + 1}/rung") for number in range(3)))
    tell(database)
    for number in range(3):
        database.call(outbox.resolve, f"voice/{number + 1}/", START + number * MINUTE)
        assert tell(database, START + number * MINUTE) == {}
    assert tell(database, START + GAP, [ONE])["one"] == [f"resolved voice/{number + 1}/rung" for number in range(3)]


def test_the_end_is_told_once_also_while_another_channel_fails(database: Database) -> None:
    """People would hear every four hours that something is over, for as long as somebody else cannot be reached."""
    rise(database, alert())
    tell(database)
    database.call(outbox.resolve, "voice/1/", START + HOUR)
    times = [START + HOUR + number * HOUR / 2 for number in range(24)]
    told = [tell(database, now, dead=["two"]).get("one", []) for now in times]
    assert sum("resolved voice/1/rung" in sent for sent in told) == 1
    assert "resolved voice/1/rung" in tell(database, START + DAY)["two"]


def test_what_becomes_critical_is_told_at_once(database: Database) -> None:
    """Whoever is only told of criticals would hear of it up to `repeat_every` later, which may be after the loss."""
    calm = replace(TWO, least=Severity.CRITICAL)
    rise(database, warning("account/main/failing"))
    assert tell(database, rules=[ONE, calm]) == {"one": ["account/main/failing"]}
    rise(database, warning("account/main/failing"), now=START + MINUTE)
    assert tell(database, START + MINUTE, [ONE, calm]) == {}
    for minute in (2, 3):
        rise(database, alert("account/main/failing"), now=START + minute * MINUTE)
    told = {channel: ["account/main/failing"] for channel in ("one", "two")}
    assert tell(database, START + 3 * MINUTE, [ONE, calm]) == told
    rise(database, alert("account/main/failing"), now=START + HOUR)
    assert tell(database, START + HOUR, [ONE, calm]) == {}


def test_what_becomes_critical_while_it_is_told_is_told_again(database: Database) -> None:
    """The message under way would count as the one that says how much it hurries."""
    rise(database, warning("account/main/failing"))
    this = begin(database)
    assert this is not None
    rise(database, alert("account/main/failing"), now=START + MINUTE)
    database.call(deliveries.finish, this, Results(dict.fromkeys(this.plan.messages, True)), START + MINUTE, EVERY)
    assert tell(database, START + MINUTE)["two"] == ["account/main/failing"]


def test_only_those_who_heard_of_it_hear_that_it_is_over(database: Database) -> None:
    """People would hear that something is over of which they never heard."""
    calm = replace(TWO, least=Severity.CRITICAL)
    rise(database, warning("voice/1/rung"))
    assert tell(database, rules=[ONE, calm]) == {"one": ["voice/1/rung"]}
    database.call(outbox.resolve, "voice/1/", START + HOUR)
    assert tell(database, START + HOUR, [ONE, calm]) == {"one": ["resolved voice/1/rung"]}


def test_what_nobody_wants_is_told_to_nobody_and_ends(database: Database) -> None:
    """It would be looked at in every sweep for ever, or told as over."""
    picky = replace(ONE, least=None)
    rise(database, warning("voice/1/rung"), warning("voice/2/lost", event=True))
    assert tell(database, rules=[picky]) == {}
    assert [one.key for one in database.call(outbox.open_alerts)] == ["voice/1/rung"]
    database.call(outbox.resolve, "voice/1/", START + HOUR)
    assert tell(database, START + HOUR, [picky]) == {}
    assert database.call(upcoming.next_due, START + HOUR) is None


def test_a_more_urgent_rung_reaches_those_who_only_hear_of_criticals(database: Database) -> None:
    """Whoever is on call would not be called at the last rung, because the first was told to others."""
    pager = replace(TWO, least=Severity.CRITICAL)
    rise(database, warning(renews=True))
    tell(database, rules=[ONE, pager])
    rise(database, alert(renews=True), now=START + HOUR)
    assert tell(database, START + HOUR, [ONE, pager]) == {"one": ["voice/1/rung"], "two": ["voice/1/rung"]}


def test_quiet_hours_hold_warnings_until_they_end_and_never_criticals(database: Database) -> None:
    """People would be woken for a warning, or sleep through a loss."""
    night = replace(ONE, quiet=(time(22), time(7)), zone=ZoneInfo("Asia/Shanghai"))
    midnight = START.replace(hour=16)
    rise(database, warning("voice/1/rung"), alert("voice/2/lost", event=True), now=midnight)
    assert tell(database, midnight, [night]) == {"one": ["voice/2/lost"]}
    assert tell(database, midnight + 6 * HOUR, [night]) == {}
    assert database.call(upcoming.next_due, midnight + 6 * HOUR) == midnight + 7 * HOUR
    assert tell(database, midnight + 7 * HOUR, [night]) == {"one": ["voice/1/rung"]}


def test_an_accounts_alert_holds_those_of_its_voices_back(database: Database) -> None:
    """One empty balance would be a message for each voice, every four hours."""
    open_account(database)
    add(database, "anna")
    anna = voice(database, "anna")
    rung = alerts.rung(anna, HOUR, START)
    rise(database, rung, alerts.paused("main", "The balance is too low.", None))
    assert tell(database, rules=[ONE]) == {"one": ["account/main/paused"]}
    assert tell(database, START + EVERY, [ONE]) == {"one": ["account/main/paused"]}
    rise(database, alerts.lost(anna, "gone"), now=START + EVERY)
    assert tell(database, START + EVERY + HOUR, [ONE]) == {"one": [f"voice/{anna.id}/lost"]}, (
        "what has happened is told"
    )
    database.call(outbox.resolve, "account/main/", START + 6 * HOUR)
    assert tell(database, START + 6 * HOUR, [ONE]) == {"one": [rung.key, "resolved account/main/paused"]}


def test_an_account_that_is_not_configured_holds_those_of_its_voices_back(database: Database) -> None:
    """A section that was taken out of the configuration would be a message for each of its voices."""
    open_account(database)
    add(database, "anna", account="gone")
    anna = voice(database, "anna")
    rise(database, alerts.rung(anna, HOUR, START), alerts.unknown_account("gone"))
    assert tell(database, rules=[ONE]) == {"one": ["account/gone/unknown"]}
    assert tell(database, START + EVERY, [ONE]) == {"one": ["account/gone/unknown"]}


def test_another_accounts_alert_holds_nothing_back(database: Database) -> None:
    """A paused account would silence all the others."""
    open_account(database)
    add(database, "anna")
    rise(database, alerts.rung(voice(database, "anna"), HOUR, START), alerts.paused("main2", "", None))
    assert len(tell(database, rules=[ONE])["one"]) == 2


def test_two_instances_tell_one_thing_once(database: Database) -> None:
    """Everybody would get each message twice; or a second one at once, while the first is on its way."""
    rise(database, warning("voice/1/rung"))
    first = begin(database, rules=[ONE])
    assert first is not None
    assert begin(database, rules=[ONE]) is None
    rise(database, warning("voice/2/rung"))
    assert begin(database, rules=[ONE]) is None, "the first message has only just gone"
    database.call(deliveries.finish, first, Results({"one": True}), START, EVERY)
    assert tell(database, START + GAP, [ONE]) == {"one": ["voice/2/rung"]}


def test_an_instance_that_dies_while_it_tells_leaves_it_to_others(database: Database) -> None:
    """The alarm would die with it."""
    rise(database, warning())
    assert begin(database, rules=[ONE]) is not None
    assert tell(database, START + 2 * MINUTE, [ONE]) == {}
    assert tell(database, START + GAP, [ONE]) == {"one": ["voice/1/rung"]}


def test_a_renewal_while_it_is_told_is_told_in_its_turn(database: Database) -> None:
    """The more urgent rung, raised in the seconds that a mail takes, would be noted as told."""
    rise(database, warning(renews=True))
    this = begin(database)
    assert this is not None
    rise(database, alert(renews=True), now=START + MINUTE / 12)
    database.call(deliveries.finish, this, Results({"one": True, "two": False}), START + MINUTE / 6, EVERY)
    assert tell(database, START + MINUTE) == {"one": ["voice/1/rung"]}
    assert tell(database, START + 2 * MINUTE) == {"two": ["voice/1/rung"]}


def test_an_end_while_only_one_channel_was_told_is_told_to_that_one(database: Database) -> None:
    """The channel that was down would hear of an end without a beginning; the other would not hear of it at all."""
    rise(database, alert())
    assert tell(database, dead=["two"]) == {"one": ["voice/1/rung"]}
    database.call(outbox.resolve, "voice/1/", START + HOUR)
    assert tell(database, START + HOUR) == {"one": ["resolved voice/1/rung"]}
    assert tell(database, START + DAY) == {}


def test_a_digest_is_sent_once_a_day_by_one_instance(database: Database) -> None:
    """Two instances would send two, or none would; or one would come at each sweep."""
    daily = replace(ONE, digest=Rhythm.DAILY, digest_at=time(9), zone=ZoneInfo("Asia/Shanghai"))
    assert begin(database, START, [daily]) is None, "nothing at the first start"
    nine = (START + DAY).replace(hour=1, minute=0)
    assert database.call(upcoming.next_due, START) == nine
    assert begin(database, nine - MINUTE, [daily]) is None
    this = begin(database, nine, [daily])
    assert this is not None
    assert this.digests == {"one": START}
    assert begin(database, nine, [daily]) is None, "another instance looks at the same moment"
    database.call(deliveries.finish, this, Results(digests={"one": True}), nine, EVERY)
    assert begin(database, nine + HOUR, [daily]) is None
    late = nine + 3 * DAY + HOUR
    again = begin(database, late, [daily])
    assert again is not None
    assert again.digests == {"one": nine}, "after days off it is one, which reports from the last one on"


def test_a_digest_that_is_late_waits_for_the_end_of_quiet_hours(database: Database) -> None:
    """A machine that is started at night would wake somebody with the figures of the day before."""
    daily = replace(ONE, digest=Rhythm.DAILY, digest_at=time(9), quiet=(time(22), time(7)))
    begin(database, START, [daily])
    night = (START + DAY).replace(hour=23)
    seven = (START + 2 * DAY).replace(hour=7)
    for now in (night, seven - MINUTE):
        assert begin(database, now, [daily]) is None
        assert database.call(upcoming.next_due, now) == seven
    this = begin(database, seven, [daily])
    assert this is not None
    assert this.digests == {"one": START}


def test_what_is_done_while_a_digest_is_sent_is_in_the_next_one(database: Database) -> None:
    """A voice that another instance keeps while a mail server takes half a minute would be in no digest."""
    daily = replace(ONE, digest=Rhythm.DAILY)
    begin(database, START, [daily])
    nine = (START + DAY).replace(hour=9)
    this = begin(database, nine, [daily])
    assert this is not None
    add(database, "voice1")
    change(database, "voice1", status="kept", kept_at=nine + MINUTE / 4)
    first = database.call(figures, this.digests["one"], this.at, DAY)
    database.call(deliveries.finish, this, Results(digests={"one": True}), nine + MINUTE / 2, EVERY)
    again = begin(database, nine + DAY, [daily])
    assert again is not None
    second = database.call(figures, again.digests["one"], again.at, DAY)
    assert (first.kept, second.kept) == (0, 1)


def test_a_lost_voice_that_is_named_anew_is_not_lost_again(database: Database) -> None:
    """A digest would tell of a loss that happened weeks ago, because somebody tidied up a label."""
    add(database, "voice1")
    change(database, "voice1", status="lost", updated_at=START)
    lost = voice(database, "voice1")
    database.call(single.change, lost.account, lost.voice_id, {"label": "gone"}, START + DAY)
    assert voice(database, "voice1").label == "gone"
    assert database.call(figures, START + HOUR, START + 2 * DAY, DAY).lost == 0


def test_a_digest_that_fails_is_tried_again(database: Database) -> None:
    """The day's digest would be lost with one failed mail."""
    daily = replace(ONE, digest=Rhythm.DAILY)
    begin(database, START, [daily])
    nine = (START + DAY).replace(hour=9)
    this = begin(database, nine, [daily])
    assert this is not None
    database.call(deliveries.finish, this, Results(digests={"one": False}), nine, EVERY)
    assert database.call(upcoming.next_due, nine) == nine + MINUTE
    again = begin(database, nine + MINUTE, [daily])
    assert again is not None
    assert again.digests == {"one": START}


def test_a_digest_of_a_dead_instance_is_sent_by_another(database: Database) -> None:
    """The digest would be lost with the process that began it."""
    daily = replace(ONE, digest=Rhythm.DAILY)
    begin(database, START, [daily])
    nine = (START + DAY).replace(hour=9)
    assert begin(database, nine, [daily]) is not None
    assert begin(database, nine + 2 * MINUTE, [daily]) is not None


def test_no_digest_where_none_is_wanted_any_more(database: Database) -> None:
    """A digest that was taken out of the configuration would make each cron run think that there is something to do."""
    begin(database, START, [replace(ONE, digest=Rhythm.DAILY)])
    rise(database, alert(event=True))
    tell(database, START, [ONE])
    with database.transaction() as connection:
        assert connection.execute(select(channels.c.digest_at)).scalar_one() is None
    assert not database.call(upcoming.anything_to_do, START + 2 * DAY)


def test_a_digest_counts_what_was_done_and_what_is_open(database: Database) -> None:
    """People would read figures that are not theirs."""
    open_account(database)
    add(database, "one", "two", "three", cloned_at=START)
    rise(database, warning("source/one/failing"), alert("source/two/failing"))
    seen = database.call(figures, START, START + HOUR, timedelta(days=8))
    assert (seen.kept, seen.lost, seen.waiting, seen.coming) == (0, 0, 3, 3)
    assert seen.first == START + 168 * HOUR
    assert (seen.lasting, [one.severity for one in seen.lasting_first]) == (2, [Severity.CRITICAL, Severity.WARNING])
    assert seen.spent == {}
    assert database.call(figures, START, START + HOUR, DAY).coming == 0


def test_a_warning_ends_when_the_deadline_is_put_off(database: Database) -> None:
    """People would be told every four hours, for days, of a danger that there is not."""
    open_account(database)
    add(database, "anna")
    late = START + 160 * HOUR
    assert database.call(planning.warn_some, {}, POLICY, late)
    rung = alerts.rung_key(voice(database, "anna"))
    assert tell(database, late, [ONE]) == {"one": [rung]}
    change(database, "anna", deadline=START + 30 * DAY, warn_at=late)
    assert database.call(planning.warn_some, {}, POLICY, late + HOUR)
    assert tell(database, late + HOUR, [ONE]) == {"one": [f"resolved {rung}"]}


def test_instances_that_look_at_the_same_moment_tell_each_thing_once(database: Database, registry_url: str) -> None:
    """With three hosts, everybody would get three of each message."""
    names = [f"voice/{number}/lost" for number in range(30)]
    with ExitStack() as ends, ThreadPoolExecutor(4) as pool:
        others = [ends.enter_context(closing(Database(registry_url))) for _ in range(4)]
        told = Counter[tuple[str, str]]()
        for number, name in enumerate(names):
            now = START + number * DAY
            rise(database, alert(name, event=True), now=now)
            for sent in pool.map(partial(tell, now=now), others):
                told.update((channel, key) for channel, keys in sent.items() for key in keys)
    assert told == {(channel, name): 1 for channel in ("one", "two") for name in names}


def test_whoever_hears_of_what_ends_meanwhile_hears_of_its_end(database: Database) -> None:
    """Where another channel failed at that moment, nobody would tell of the end."""
    rise(database, alert())
    this = begin(database)
    assert this is not None
    with database.transaction() as connection:
        outbox.resolve(connection, "voice/1/", START + MINUTE)
    database.call(deliveries.finish, this, Results({"one": True, "two": False}), START + MINUTE, EVERY)
    assert tell(database, START + 2 * GAP) == {"one": ["resolved voice/1/rung"]}
    assert tell(database, START + 9 * HOUR) == {}
