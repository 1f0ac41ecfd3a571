"""Text from others is shown and never interpreted, whatever characters are in it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from voicekeeper.core.shown import escaped, printable, printable_lines

NASTY = "a\x1b[2Jb\r\x9b31m\u202ec\u2066d\x00\x7f\u2028\U000e0001"


def test_nothing_that_steers_a_terminal_is_left() -> None:
    """A provider could clear the screen, fake a line, or turn a file name round."""
    assert printable(NASTY, "?") == "a?[2Jb??31m?c?d????"
    assert printable("Stimme 声 é 🎙") == "Stimme 声 é 🎙"


@given(st.text())
def test_only_lines_are_left_where_lines_are_wanted(text: str) -> None:
    """A traceback must keep its lines and nothing else."""
    shown = printable_lines(text)
    assert shown.count("\n") == text.count("\n")
    assert shown.replace("\n", "").isprintable()


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_escaped_json_is_the_same_json(value: object) -> None:
    """A program would read something else than what stands in the registry."""
    written = escaped(json.dumps(value, indent=2, ensure_ascii=False))
    assert written.replace("\n", "").isprintable()
    assert json.loads(written) == value
