"""The dashboard's words, in the language of whoever looks at it."""

from collections.abc import Mapping

from voicekeeper.core.wording import Fact, Language, Sentence, fill
from voicekeeper.web.dashboard.chinese import CHINESE
from voicekeeper.web.dashboard.english import ENGLISH

CATALOGUES: Mapping[Language, Mapping[str, Sentence]] = {Language.EN: ENGLISH, Language.ZH: CHINESE}


def say(language: Language, name: str, /, **facts: Fact) -> str:
    """Return a sentence of the catalogue, filled in; raise KeyError for one that there is not."""
    return fill(CATALOGUES[language][name], language, **facts)


def preferred(accepted: str) -> Language:
    """Return the language that a browser would rather have (the Accept-Language header), English for any other."""
    weights = {Language(tag): weight for tag, weight in map(_weighed, accepted.split(",")[:20]) if tag in {"en", "zh"}}
    return max(Language, key=lambda language: weights.get(language, 0.0))


def _weighed(part: str) -> tuple[str, float]:
    tag, _, more = part.partition(";")
    weight = more.replace(" ", "").removeprefix("q=")
    return tag.strip().lower()[:2], float(weight) if _is_weight(weight) else 1.0


def _is_weight(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()
