"""The demo is the first thing that a stranger sees: it must come as told, and not shout."""

import re
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("voicekeeper"))


def test_the_demo_comes_as_told() -> None:
    """If it did not, nobody would trust the rest; if every sweep repeated its alerts, nobody would read them."""
    done = subprocess.run(
        [COMMAND, "demo", "--seconds", "12"], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything came as told." in done.stdout
    told = re.search(r"(\d+) alerts reached the sink", done.stdout)
    assert told is not None
    assert 2 <= int(told[1]) <= 8, "five rungs and the loss, however busy the machine"


def test_a_length_that_is_no_number_is_refused() -> None:
    """If it passed the range that it has to be in, the demonstration would end in a traceback."""
    words = [COMMAND, "demo", "--seconds", "nan"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "nan is not a number" in done.stderr) == (2, True)
