"""Pages as text: Jinja2 with everything escaped, and what templates may call."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voicekeeper.core.shown import printable
from voicekeeper.core.voice import Voice
from voicekeeper.core.wording import Language, fact
from voicekeeper.web.dashboard.static import address

_FOLDER = Path(__file__).parent / "templates"


def _clean(text: object) -> str:
    """Return text from others, fit to be shown."""
    return printable(str(text))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _path(*names: str) -> str:
    """Return names as the parts of a path, whatever they hold."""
    return "/".join(quote(name, safe="") for name in names)


def _voice_path(voice: Voice) -> str:
    return _path("voices", voice.account, voice.voice_id)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"clean": _clean, "iso": _iso, "fact": fact}
    made.globals |= {"address": address, "path": _path, "voice_path": _voice_path, "languages": list(Language)}
    for name in made.list_templates():  # all of them at once: an upgrade below a running daemon must not mix versions
        made.get_template(name)
    return made


#: All templates.
PAGES = _environment()


def written(template: str, **facts: Any) -> str:  # noqa: ANN401 - what the template shows
    """Return a page as text."""
    return PAGES.get_template(template).render(facts)
