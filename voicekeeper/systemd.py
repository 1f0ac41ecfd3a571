"""The service manager's notification protocol: READY, STATUS, WATCHDOG, RELOADING, STOPPING.

Source: sd_notify(3). Every call does nothing where no service manager listens.
"""

import os
import socket
import time
from datetime import timedelta

#: Seconds: a service manager that stands still must not hold up what it manages.
_LONGEST = 1.0


def notify(*lines: str) -> None:
    """Send lines such as "READY=1" to the service manager."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(_LONGEST)
        channel.sendto("\n".join(lines).encode(), path)


def status(text: str) -> str:
    """Return the line that `systemctl status` shows."""
    return f"STATUS={' '.join(text.split())}"


def reloading() -> tuple[str, str]:
    """Return the lines that say that the configuration is being read again; "READY=1" ends it."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog() -> timedelta | None:
    """Return how often the service manager wants to hear from this process, None when it does not."""
    wanted, process = os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")
    if not wanted or (process and process != str(os.getpid())):
        return None
    return timedelta(microseconds=int(wanted))
