"""Disks that are really full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def disk_of(size: str, folder: Path) -> Iterator[Path]:
    """Mount a disk of that size on a folder; only root may."""
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("no disk of a size of its own can be made here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Write a file until the disk takes no more."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


@contextmanager
def filled(ballast: Path) -> Iterator[None]:
    """Have a disk full, and make room at the end where nobody did before."""
    fill(ballast)
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)
