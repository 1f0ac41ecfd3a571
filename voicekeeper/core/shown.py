"""Text from others, made fit to be shown: it cannot steer a terminal, nor turn the direction of what stands by it."""

import json


def printable(text: str, stand_in: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """Return text without control characters, escapes, bidirectional overrides and line breaks."""
    return text if text.isprintable() else "".join(char if char.isprintable() else stand_in for char in text)


def printable_lines(text: str) -> str:
    """Return the same, with its lines as they are."""
    return text if text.isprintable() else "\n".join(printable(line) for line in text.split("\n"))


def escaped(written: str) -> str:
    """Return JSON with everything written as an escape that cannot be printed; line breaks between values stay."""
    if written.isprintable():
        return written
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in written)


def masked(name: str) -> str:
    """Return a name so that its owner knows it again and nobody else learns it: its first and its last character."""
    return f"{name[:1]}***{name[-1:]}" if len(name) > 1 else "***"
