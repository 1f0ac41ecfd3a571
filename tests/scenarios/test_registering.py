"""`add` and `import`: all rows or none, every bad one named with its line."""

import json

from tests.scenarios.commands import Done, Emulated, Home, ago, names

GOOD = "2026-11-20T08:00:00Z"


def _import(home: Home, text: str, *options: str) -> Done:
    file = home.folder / "voices.txt"
    file.write_text(text, encoding="utf-8")
    return home.run("import", "voices.txt", *options)


def test_every_bad_row_is_named_and_nothing_written(home: Home) -> None:
    """If only the first bad row were named, or the good ones written, an import would take a day of tries."""
    home.insert("voice-known-1")
    lines = [
        "account,voice_id,cloned_at,intent",
        f"main,voice-good-1,{GOOD},",
        "main,voice-good-2,yesterday,",
        f"nobody,voice-good-3,{GOOD},",
        f"main,short,{GOOD},",
        f"main,voice-good-4,{ago(days=-2)},",
        f"main,voice-good-5,{GOOD},maybe",
        f"main,voice-good-1,{GOOD},",
        f"main,,{GOOD},",
        f"main,voice-good-6,{GOOD}",
        f"main,voice-known-1,{GOOD},",
    ]
    done = _import(home, "\n".join(lines) + "\n")
    assert done.returncode == 2
    named = [line.split(": ")[1] for line in done.stderr.splitlines() if "voices.txt" in line]
    assert named == [f"voices.txt:{number}" for number in (10, 3, 4, 5, 6, 7, 9, 8, 11)]
    assert "nothing was registered" in done.stderr
    assert home.statuses() == {"waiting": 1}
    known = _import(home, f"account,voice_id,cloned_at\nmain,voice-new-1,{GOOD}\nmain,voice-known-1,{GOOD}\n")
    assert known.returncode == 2
    assert "voices.txt:3: main/voice-known-1 is registered already" in known.stderr
    assert home.statuses() == {"waiting": 1}


def test_a_deadline_right_after_cloning_is_named(home: Home) -> None:
    """A row that SQLite refuses would end an import of thousands without a word about which one it was."""
    good = f"main,voice-good-1,{GOOD},2026-11-20T08:00:00.002Z\n"
    odd = f"main,voice-odd-1,{GOOD},2026-11-20T08:00:00.000080Z\n"
    done = _import(home, "account,voice_id,cloned_at,deadline\n" + good + odd)
    assert done.returncode == 2
    said = "voices.txt:3: deadline must be later than cloned_at, by two milliseconds at least"
    assert said in done.stderr
    assert "nothing was registered" in done.stderr
    assert home.statuses() == {}
    assert _import(home, "account,voice_id,cloned_at,deadline\n" + good).returncode == 0


def test_a_file_of_the_wrong_shape_is_refused(home: Home) -> None:
    """If a shifted cell passed, a label would become a clone time."""
    shapes = {
        "1.csv:2: has not as many cells": f"voice_id,cloned_at\nvoice-good-1,{GOOD},more\n",
        "2.csv:2: has not as many cells": "voice_id,cloned_at\nvoice-good-1\n",
        '"colour" is not a column': f"voice_id,cloned_at,colour\nvoice-good-1,{GOOD},red\n",
        "4.csv:1: is not JSON": '{"voice_id": "voice-good-1"\n',
        "there are no rows": "",
        '6.csv:1: "cloned_at" and "created_at" both mean cloned_at': f"voice_id,cloned_at,created_at\nv,{GOOD},\n",
        '7.csv:1: "voice_id" and "voice_id" both mean voice_id': f"voice_id,voice_id,cloned_at\nv,w,{GOOD}\n",
        '8.csv:1: its cells are separated by ";"': f"voice_id;cloned_at\nvoice-good-1;{GOOD}\n",
        "9.csv: is one JSON array": '[{"voice_id": "voice-good-1"}]',
        "10.csv:1: is not JSON": '{"voice_id": ' + 100_000 * "[",
        '11.csv:1: "voice_id" and "id" both mean voice_id': f'{{"voice_id": "v", "id": 1, "cloned_at": "{GOOD}"}}',
        "12.csv:1: label: 'a\\u2028b' has characters": '{"label": "a\u2028b"}',
    }
    for number, text in enumerate(shapes.values(), start=1):
        (home.folder / f"{number}.csv").write_text(text, encoding="utf-8")
    imports = [("import", f"{number}.csv", "--account", "main") for number in range(1, len(shapes) + 1)]
    for words, done in zip(shapes, home.together(*imports), strict=True):
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert home.statuses() == {}


def test_a_file_in_another_encoding_is_refused_with_the_mend(home: Home) -> None:
    """If a Chinese Excel's CSV were only called bad, its owner could not tell what to do about it."""
    (home.folder / "voices.csv").write_bytes(f"voice_id,cloned_at,label\nvoice-good-1,{GOOD},安娜\n".encode("gbk"))
    done = home.run("import", "voices.csv", "--account", "main")
    assert done.returncode == 2
    assert "voices.csv: is not UTF-8 text (invalid start byte at byte 59): save it as UTF-8" in done.stderr


def test_csv_of_a_spreadsheet_and_json_lines(home: Home) -> None:
    """If a byte-order mark, other spellings or JSON lines were refused, every owner would write a converter."""
    sheet = _import(home, f'\ufeffVoice ID,Created At,Name\r\nvoice-good-1,{GOOD},"Anna, 王"\r\n', "--account", "main")
    assert sheet.returncode == 0, sheet.stderr
    rows = [{"voice_id": f"voice-json-{n}", "account": "main", "cloned_at": GOOD, "priority": n} for n in range(3)]
    lines = _import(home, "\n".join(map(json.dumps, rows)))
    assert lines.returncode == 0, lines.stderr
    assert home.voice("voice-good-1")["label"] == "Anna, 王"
    assert home.voice("voice-json-2")["priority"] == 2


def test_five_thousand_rows(home: Home) -> None:
    """If a large import were refused or cut, a platform's first day would fail."""
    rows = "".join(f"{name},{GOOD}\n" for name in names(5000))
    done = _import(home, f"voice_id,cloned_at\n{rows}", "--account", "main")
    assert "registered 5000 voices" in done.stdout
    assert home.statuses() == {"waiting": 5000}


def test_add_refuses_what_cannot_be(home: Home, emulator: Emulated) -> None:
    """If an impossible voice were taken, its owner would learn of it at the deadline."""
    refused = {
        'account "nobody" is not configured (there is: main)': ("voice-good-1", "--account", "nobody"),
        "is impossible: 8 to 256": ("1-no-voice", "--account", "main"),
        "lies in the future": ("voice-good-1", "--account", "main", "--cloned-at", ago(days=-1)),
        '"noon" is not a time': ("voice-good-1", "--account", "main", "--cloned-at", "noon"),
        "cloned_at is missing": ("voice-good-1", "--account", "main", "--cloned-at", ""),
    }
    for words, done in zip(refused, home.together(*[("add", *given) for given in refused.values()]), strict=True):
        assert done.returncode == 2
        assert words in done.stderr
    assert home.statuses() == {}
    late = home.run("add", "voice-late-1", "--account", "main", "--cloned-at", ago(days=8))
    assert late.returncode == 0
    assert "its deadline passed" in late.stderr
    twice = home.run("add", "voice-late-1", "--account", "main")
    assert twice.returncode == 2
    assert "registered already" in twice.stderr
    assert emulator.calls() == []


def test_import_of_a_file_that_is_too_large(home: Home) -> None:
    """All of it would be read into memory; and whoever is refused could not tell by how much."""
    with (home.folder / "voices.csv").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    done = home.run("import", "voices.csv")
    assert done.returncode == 2
    assert "voices.csv: has 67,108,865 bytes, 67,108,864 at most: split it" in done.stderr
