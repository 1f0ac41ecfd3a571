"""Owners' databases are only read: whatever the query is, on every kind of database."""

import gc
import sqlite3
import traceback
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from tests.databases import Registries
from tests.faults.proxy import proxying
from tests.sources.owners import QUERY, Owner, frozen_server
from voicekeeper.core.errors import SourceError
from voicekeeper.registry import foreign

WRITES = {
    "insert": "INSERT INTO own_voices (voice_id) VALUES ('theirs')",
    "insert returning": "INSERT INTO own_voices (voice_id) VALUES ('theirs') RETURNING voice_id",
    "update": "UPDATE own_voices SET voice_id = 'theirs'",
    "delete": "DELETE FROM own_voices",
    "drop": "DROP TABLE own_voices",
    "create": "CREATE TABLE theirs (voice_id VARCHAR(10))",
    "alter": "ALTER TABLE own_voices ADD COLUMN theirs VARCHAR(10)",
    "truncate": "TRUNCATE TABLE own_voices",
    "two statements": "SELECT voice_id FROM own_voices; DELETE FROM own_voices",
    "commit first": "SELECT 1 AS one; COMMIT; DELETE FROM own_voices",
    "with insert": "WITH x AS (INSERT INTO own_voices (voice_id) VALUES ('theirs') RETURNING *) SELECT * FROM x",
    "with delete": "WITH x AS (SELECT 1) DELETE FROM own_voices",
    "into": "SELECT * INTO theirs FROM own_voices",
}


def read(url: str, query: str = QUERY, folder: Path = Path()) -> list[tuple[object, ...]]:
    with foreign.reading(url, query, folder) as rows:
        return [tuple(row) for page in rows.pages for row in page]


def shape(owner: Owner) -> list[str]:
    with foreign.reading(owner.url, "SELECT * FROM own_voices", Path()) as rows:
        return list(rows.columns)


@pytest.mark.parametrize("query", WRITES.values(), ids=WRITES)
def test_nothing_is_written(owner: Owner, kind: str, query: str) -> None:
    """A mistaken query would change or destroy the owner's data."""
    owner.clone("mine-one", "mine-two")
    columns = shape(owner)
    url = (
        owner.url + "?client_flag=65536" if kind == "mysql" else owner.url
    )  # which asks for several statements at once
    with pytest.raises(SourceError):
        read(url, query)
    assert owner.names() == ["mine-one", "mine-two"]
    assert shape(owner) == columns
    with pytest.raises(SourceError):
        read(owner.url, "SELECT * FROM theirs")


def test_a_function_that_writes_is_refused(registries: Registries, tmp_path: Path) -> None:
    """A SELECT that calls what writes would write all the same, on the databases that have such functions."""
    with ExitStack() as ends:
        postgres = Owner(registries.new("postgresql", ends), tmp_path)
        body = "INSERT INTO own_voices (voice_id) VALUES (''theirs'') RETURNING 1"
        postgres.run(f"CREATE FUNCTION writes() RETURNS integer LANGUAGE sql AS '{body}'")
        for query in ("SELECT writes()", "SELECT set_config('transaction_read_only', 'off', true), writes()"):
            with pytest.raises(SourceError, match="read"):
                read(postgres.url, query)
        maria = Owner(registries.new("mysql", ends), tmp_path)
        maria.run(
            "CREATE FUNCTION writes() RETURNS int BEGIN INSERT INTO own_voices (voice_id) VALUES ('x'); RETURN 1; END"
        )
        maria.run(
            "CREATE PROCEDURE commits() BEGIN COMMIT; INSERT INTO own_voices (voice_id) VALUES ('x'); SELECT 1; END"
        )
        for query in ("SELECT writes()", "CALL commits()"):
            with pytest.raises(SourceError, match="READ ONLY"):
                read(maria.url, query)
        assert postgres.names() == maria.names() == []


def test_a_query_is_taken_as_it_stands(owner: Owner) -> None:
    """A percent sign or a colon in a query would be taken for a parameter."""
    owner.clone("mine-one", "other")
    found = read(owner.url, "SELECT voice_id FROM own_voices WHERE voice_id LIKE 'mi%' AND ':x' = ':x' -- 100 %s")
    assert found == [("mine-one",)]


def test_rows_come_in_pages(owner: Owner) -> None:
    """All rows of a large table would be in memory at once."""
    owner.clone(*(f"voice-{number}" for number in range(2 * foreign.PAGE + 1)))
    with foreign.reading(owner.url, QUERY, Path()) as rows:
        assert [len(page) for page in rows.pages] == [foreign.PAGE, foreign.PAGE, 1]


def test_leaving_early_leaves_nothing_open(owner: Owner) -> None:
    """A reading that was given up would hold the owner's table, or a connection."""
    owner.clone(*(f"voice-{number}" for number in range(3 * foreign.PAGE)))
    given_up = iter([False, True])
    with foreign.reading(owner.url, QUERY, Path(), lambda: next(given_up, True)) as rows:
        assert len(next(rows.pages)) == foreign.PAGE
        with pytest.raises(SourceError, match="takes too long"):
            next(rows.pages)
    gc.collect()  # what is left open warns here, and warnings are errors
    owner.run("DROP TABLE own_voices")


def test_too_many_rows_are_refused(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query over the wrong table would be read for hours."""
    monkeypatch.setattr(foreign, "LARGEST", 1500)
    owner.clone(*(f"voice-{number}" for number in range(2000)))
    with pytest.raises(SourceError, match="more than 1500 rows: let it give recent voices only"):
        read(owner.url)


def test_a_slow_query_is_interrupted(registries: Registries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One slow query would hold up every sweep."""
    monkeypatch.setitem(foreign._FIRST, "postgresql", ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = 50"))
    monkeypatch.setitem(foreign._FIRST, "mariadb", ("SET SESSION max_statement_time = 0.05",))
    monkeypatch.setitem(foreign._FIRST, "mysql", ("SET SESSION max_execution_time = 50",))
    endless = "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT count(*) FROM x"
    crossed = " JOIN ".join(f"information_schema.collations c{number}" for number in range(6))
    crossed = f"SELECT count(*) FROM {crossed}"  # noqa: S608 - tables of the server's own
    slow = {"sqlite": endless, "postgresql": "SELECT pg_sleep(60)", "mysql": crossed}
    with ExitStack() as ends:
        for kind, query in slow.items():
            owner = Owner(registries.new(kind, ends), tmp_path)
            with (
                pytest.raises(SourceError, match="let it give recent voices only"),
                foreign.reading(owner.url, query, Path(), partial(bool, kind == "sqlite")) as rows,
            ):
                list(rows.pages)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """A mistyped path would leave an empty database behind, and look like a source without voices."""
    with pytest.raises(SourceError, match=r"app\.db: there is no such file"):
        read("sqlite:///app.db", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_starts_at_the_folder(tmp_path: Path) -> None:
    """cron, systemd and a shell would read different files, and one with an odd name could not be read."""
    with closing(sqlite3.connect(tmp_path / "a #? b.db")) as connection:
        connection.executescript("CREATE TABLE v (voice_id TEXT); INSERT INTO v VALUES ('mine');")
    assert read("sqlite:///a #%3F b.db", "SELECT voice_id FROM v", tmp_path) == [("mine",)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hunter2secret@127.0.0.1:{port}/app", "127.0.0.1"),
        ("mysql://me:hunter2secret@127.0.0.1:{closed}/app", "is the server running"),
        ("postgresql://me@127.0.0.1:{closed}/app?password=hunter2secret", "is the server running"),
        ("postgresql://me:hunter2secret@127.0.0.1:{closed}/app?bogus=1", "bogus"),
        ("mysql://me:hunter2secret@127.0.0.1:{closed}/app?bogus=1", "bogus"),
        ("mysql+nothing://me:hunter2secret@h/app", "driver of mysql"),
        ("oracle://me:hunter2secret@h/app", "not one of sqlite"),
        ("postgresql://me:hunter2secret@h:port/app", "not a database's"),
    ],
)
def test_no_error_shows_a_password(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key to the owner's database would stand in a log or in a chat."""
    monkeypatch.setattr(foreign, "_CONNECT_TIMEOUT", 2)
    with frozen_server() as port, pytest.raises(SourceError) as caught:
        read(url.format(port=port, closed=1))
    assert words in str(caught.value)
    assert "hunter2secret" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_falls_silent_amid_the_rows_is_given_up(
    registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network went away nothing would be read again before the machine itself gives up: after hours."""
    monkeypatch.setattr(foreign, "LONGEST", 1)
    with ExitStack() as ends:
        way = ends.enter_context(proxying(registries.new("postgresql", ends)))
        rows = ends.enter_context(foreign.reading(way.url, "SELECT n FROM generate_series(1, 5000) AS n", Path()))
        assert len(next(rows.pages)) == foreign.PAGE
        way.silent = True
        with pytest.raises(SourceError, match=r"nothing came for .*is the server running"):
            list(rows.pages)


def test_an_owners_database_may_have_no_encoding(registries: Registries) -> None:
    """PostgreSQL's SQL_ASCII would give bytes, and no voice of such a database would ever be read."""
    plain = "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    with ExitStack() as ends:
        assert read(registries.new("postgresql", ends, plain), "SELECT '余额不足' AS label") == [("余额不足",)]
