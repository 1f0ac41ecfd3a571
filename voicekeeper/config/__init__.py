"""The configuration: parsed once into frozen objects, every mistake reported at once."""

import os

# Looking for plugins, pydantic would read the metadata of every installed distribution at each start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")

from voicekeeper.config.load import find, load, state_folder
from voicekeeper.config.settings import AccountSettings, AlertSettings, ChannelSettings, Settings, SourceSettings

__all__ = [
    "AccountSettings",
    "AlertSettings",
    "ChannelSettings",
    "Settings",
    "SourceSettings",
    "find",
    "load",
    "state_folder",
]
