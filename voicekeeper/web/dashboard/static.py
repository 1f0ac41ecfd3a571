"""The style sheet and the icon: read once, named with a hash of what is in them, so that browsers may keep them."""

import hashlib
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_KINDS = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

#: Their content and media type, by name.
FILES = {path.name: (path.read_bytes(), _KINDS[path.suffix]) for path in sorted(_FOLDER.iterdir())}
_MARKS = {name: hashlib.sha256(content).hexdigest()[:12] for name, (content, _) in FILES.items()}


def address(name: str) -> str:
    """Return where a file is, relative to the first page."""
    return f"static/{_MARKS[name]}/{name}"
