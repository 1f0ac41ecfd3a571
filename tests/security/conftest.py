"""The scenarios' emulator, folder and webhook: security is looked at from outside, as they are."""

from tests.scenarios.conftest import emulator, home, honest_process, migrated, webhook

__all__ = ["emulator", "home", "honest_process", "migrated", "webhook"]
