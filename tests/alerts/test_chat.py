"""Chat services: what Slack, Feishu, DingTalk and WeCom get on the wire, by Apprise's own senders, over TLS."""

import json
from pathlib import Path

import pytest

from tests.alerts.chat_services import ANSWERS, chat
from voicekeeper.alerts.channels import Channels, channel_id
from voicekeeper.alerts.message import Form, Notice, compose
from voicekeeper.core.alert import Severity
from voicekeeper.core.wording import Language

#: Apprise's own import, which is none of ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SERVICES = {
    "hooks.slack.com": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "open.feishu.cn": "feishu://abcdefghijklmnopqrstuvwx",
    "oapi.dingtalk.com": "dingtalk://abcdefgh1234567abcdefgh1234567",
    "qyapi.weixin.qq.com": "wecombot://abcdefgh-1234-abcd-1234-abcdefghijkl",
}


def storm(count: int) -> list[Notice]:
    link = "https://keeper.example.com/voices/main/v"
    return [
        Notice(Severity.CRITICAL, f"音色 main/v-{number} 已丢失", "须用原音频重新复刻。" * 20, link=link)
        for number in range(count)
    ]


@pytest.mark.parametrize("host", SERVICES)
async def test_a_service_gets_the_message(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one service's form were wrong, everybody who uses it would hear of nothing."""
    async with chat(tmp_path, monkeypatch) as seen:
        sent = await Channels([SERVICES[host]]).send(compose(storm(1), Form(Language.ZH)))
    assert [one.ok for one in sent] == [True]
    ((name, _, body),) = seen.posts
    assert name == host
    told = json.dumps(body, ensure_ascii=False)
    assert "音色 main/v-0 已丢失" in told
    assert "https://keeper.example.com/voices/main/v" in told


@pytest.mark.parametrize("host", SERVICES)
async def test_a_storm_is_one_message_that_the_service_takes(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it were split, a phone would ring for each part; if it were too long, the service would refuse it."""
    channels, name = Channels([SERVICES[host]]), channel_id(SERVICES[host])
    async with chat(tmp_path, monkeypatch) as seen:
        message = compose(storm(500), Form(Language.ZH, channels.room(name)))
        assert (await channels.deliver(name, message)).ok
    ((_, _, body),) = seen.posts
    told = json.dumps(body, ensure_ascii=False)
    assert "另有 499 条" in told
    assert "音色 main/v-0 已丢失" in told
    if host == "qyapi.weixin.qq.com":
        assert len(next(iter(value for value in body.values() if isinstance(value, dict)))["content"].encode()) <= 2048


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("open.feishu.cn", '{"code": 19024, "msg": "Key Words Not Found", "data": {}}'),
        ("oapi.dingtalk.com", '{"errcode": 310000, "errmsg": "keywords not in content"}'),
        ("qyapi.weixin.qq.com", '{"errcode": 93000, "errmsg": "invalid webhook url"}'),
    ],
)
async def test_a_refusal_under_http_200_is_a_failure(
    host: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for success, as Apprise does, every alert would be lost in silence."""
    monkeypatch.setitem(ANSWERS, host, answer)
    async with chat(tmp_path, monkeypatch) as seen:
        sent = await Channels([SERVICES[host]]).send(compose(storm(1)))
    assert [one.ok for one in sent] == [False]
    assert len(seen.posts) == 1
