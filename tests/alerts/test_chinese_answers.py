"""What a provider's answer means is said in Chinese too, for every code that voicekeeper knows."""

import pytest

from voicekeeper.core.outcome import Outcome
from voicekeeper.core.wording import Language, render
from voicekeeper.providers.gateways import GATEWAYS, Gateway
from voicekeeper.providers.http_status import _BY_STATUS
from voicekeeper.providers.minimax_codes import CODES, UNKNOWN, Meaning

MEANINGS = {f"code {code}": one for code, one in CODES.items()} | {
    f"HTTP {code}": one for code, one in _BY_STATUS.items()
}


@pytest.mark.parametrize("evidence", [*MEANINGS, "code 9999"])
def test_every_answer_that_is_known_is_said_in_chinese(evidence: str) -> None:
    """The reason would be in English, in the middle of a Chinese message."""
    one: Meaning = MEANINGS.get(evidence, UNKNOWN)
    reason = f"{one.words} ({evidence}: x): {one.mend}." if one.mend else f"{one.words} ({evidence}: x)."
    told = render("paused", {"account": "main", "reason": reason}, Language.ZH)[1]
    assert one.words not in told
    assert f"（{evidence}: x）" in told
    assert not one.mend or one.mend not in told


def test_an_outcome_without_words_is_none() -> None:
    """The test above would look at nothing."""
    assert {one.outcome for one in MEANINGS.values()} >= {Outcome.BLOCKED, Outcome.REFUSED, Outcome.NOT_FOUND}


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=list(GATEWAYS))
def test_what_is_wrong_with_a_name_is_said_in_chinese(gateway: Gateway) -> None:
    """The mend would be in English, in the middle of a Chinese message."""
    problem = gateway.id_problem(" ")
    assert problem is not None
    told = render("unworkable", {"name": "main/ ", "reason": problem}, Language.ZH)[1]
    assert "不合法：" in told
    assert gateway.id_words not in told
    assert "letter" not in told
