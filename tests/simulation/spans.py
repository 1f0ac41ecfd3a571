"""Stretches of time as sorted, disjoint pairs (start, end), and what is done with them."""

from collections.abc import Iterable

Span = tuple[float, float]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return what lies in any of them."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return what lies in `spans` and in none of the holes."""
    left = union(spans)
    for start, end in union(holes):
        cut = ((piece, (min(piece[1], start), max(piece[0], end))) for piece in left)
        left = [part for (a, b), (low, high) in cut for part in ((a, low), (high, b)) if part[0] < part[1]]
        left = union(left)
    return left


def inside(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """Return what of them lies between two moments."""
    return [(max(a, start), min(b, end)) for a, b in spans if max(a, start) < min(b, end)]
