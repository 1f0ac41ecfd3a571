"""What people are told, in Chinese."""

import re

from voicekeeper.core.wording import Catalogue, Words, clause, mark, write_count, write_second, write_span, write_time

_UNITS = {"d": " 天", "h": " 小时", "m": " 分钟", "s": " 秒"}
_ORIGINS = {"clone": "克隆", "design": "设计"}


def _span(seconds: float) -> str:
    """Write a duration like "2 天 4 小时"."""
    return " ".join(part[:-1] + _UNITS[part[-1]] for part in write_span(seconds).split())


_ALERTS = {
    "lost": Words(
        "音色 {name} 已丢失",
        (
            ("到期时它仍处于暂缓（hold）状态。{held:mark}", "原因：{reason:clause}。"),
            "期限：{deadline:time}。",
            ("须用原音频重新克隆（“{label}”）：", "须用原音频重新克隆："),
            "`{command}`。",
            "若平台拒绝原名称，请换一个；若名称由平台生成，请去掉 --voice-id。",
        ),
    ),
    "rung": Words(
        ("音色 {name} 尚未保留：距期限不足 {reached:span}", "音色 {name} 尚未保留：期限已过"),
        (
            ("期限：{deadline:time}（“{label}”）。", "期限：{deadline:time}。"),
            (
                "它处于暂缓状态：要保留请执行 `voicekeeper keep {held}`，要放弃请执行 `voicekeeper release …`。",
                "尚未尝试过：{stopped:clause}。",
                "最近一次应答：{last:clause}（已尝试 {tries:tries} 次）。",
                "最近一次应答：{last:clause}。",
                "尚未尝试过：请检查巡检是否在运行，速率或预算是否过低。",
            ),
        ),
    ),
    "clock": Words(
        (
            "本机时钟比账号 {account} 的平台慢 {behind:span}",
            "本机时钟比账号 {account} 的平台快 {ahead:span}",
        ),
        (
            "期限的判断会有同样的偏差，可能导致音色丢失或告警过晚。",
            "请同步本机时钟（chrony、systemd-timesyncd）。",
        ),
    ),
    "refused": Words(
        "音色 {name}：平台拒绝 T2A 调用",
        ("原因：{reason:clause}。", "两段文本都已试过，请修改 keep.text 或 keep.alternate_text。仍会继续尝试。"),
    ),
    "missing": Words(
        "音色 {name}：平台查无此音色",
        (
            "原因：{reason:clause}。",
            "它的期限是 {deadline:time}，尚未到期。",
            "是否用了别的账号、区域或网关克隆？确认丢失之前会继续尝试。",
        ),
    ),
    "paused": Words(
        "账号 {account} 已暂停",
        (
            "原因：{reason:clause}。",
            ("最近的期限在 {left:span}后。", "目前没有音色临近期限。"),
            "会自动探测，平台恢复应答后自动继续。",
        ),
    ),
    "unworkable": Words(
        "音色 {name} 按现有登记无法保留",
        ("原因：{reason:clause}。请更正该行或其账号，再执行 `voicekeeper retry …` 立即重试。",),
    ),
    "unreachable": Words(
        "登记数据库无法使用",
        (
            "原因：{problem:clause}。",
            "自 {since:time} 起无法使用，在此期间不会保留任何音色。",
            "已收到的应答暂存在文件中，恢复后写入。",
        ),
    ),
    "unknown": Words(
        "账号 {account} 未配置，却登记有音色",
        ("登记在“{account}”名下的音色无法保留。", "请在配置中加入 [accounts.{account}]，或更正这些行的账号。"),
    ),
    "overdue": Words(
        "账号 {account}：{count} 个音色逾期未处理",
        (
            "应处理而未处理已超过 {grace:span}，最近的期限：{deadline:time}。",
            "巡检在运行却没有处理它们：请查看日志中的错误，并重启 voicekeeper。",
        ),
    ),
    "failing": Words(
        "账号 {account}：没有一次调用成功",
        (
            "自 {since:time}起，所有调用都失败。",
            "原因：{reason:clause}。",
            "{count} 个音色在等待，最近的期限：{deadline:time}。",
            "会自动重试。请检查平台、网络，以及代理（如有）。",
        ),
    ),
    "unsavable": Words(
        "账号 {account}：{count} 个音色无法保住",
        (
            "速率和预算不足以保留全部，最早的将在 {deadline:time} 丢失。",
            "以下任一改动可保住全部：{settings}。",
            "放弃 {count} 个可保住其余的：优先级最低的已排在最后。",
            "详情见 `voicekeeper forecast`。",
        ),
    ),
    "broken": Words(
        "数据源 {source} 无法读取",
        ("原因：{reason:clause}。恢复之前，其中的新音色不会被保留，其余不受影响。",),
    ),
    "rows": Words(
        "数据源 {source}：{count} 行无法登记",
        (
            ("{first:clause}；另有 {more} 行。", "{first:clause}。"),
            "请更正，或在 sources.{source}.query 中排除：这些行不会被保留。",
        ),
    ),
    "channel": Words(
        "告警无法送达 {channel}",
        (
            "自 {since:time} 起发送失败。",
            "会自动重试，恢复后补发遗漏的内容。",
            "`voicekeeper alert-test` 可测试所有渠道。",
        ),
    ),
    "cloning": Words(
        ("音色 {account}/{voice_id} 可能已生成，现已登记", "账号 {account}：可能生成了一个无人知晓的音色"),
        (
            (
                "{origin:origin}调用始于 {begun:second}（“{label}”），结果未知：{reason:clause}。",
                "{origin:origin}调用始于 {begun:second}，结果未知：{reason:clause}。",
            ),
            (
                "已按该时间登记 {voice_id}，T2A 调用会表明它是否存在；若不存在，不会产生费用，并会报告为丢失。",
                "音色名由平台生成，此处无从得知。",
            ),
            ("{voice_id:mark}", "请在平台控制台查找该时刻的音色，然后执行 `{command}`。"),
            ("{voice_id:mark}", "若没有或不需要，则无须处理：未使用的音色不收费。"),
        ),
    ),
}

_PHRASES = {
    "critical": "【严重】{title}",
    "warning": "【警告】{title}",
    "info": "【提示】{title}",
    "resolved": "【已解除】{title}",
    "head_resolved": "已解除：{title}",
    "and_more": "{title}（另有 {count} 条）",
    "more": "……另有 {count} 条，可用 `voicekeeper status` 查看。",
    "more_resolved": "……另有 {count} 条已解除。",
    "test_title": "测试",
    "test": "这是一条测试消息。能看到它，说明告警可以送达。",
    "digest_daily": "每日摘要",
    "digest_weekly": "每周摘要",
    "since": "自 {since:time} 起：",
    "done": "保留 {kept} 个，丢失 {lost} 个，放弃 {released} 个",
    "spent": "花费：{spent}",
    "spent_nothing": "花费：无记录",
    "waiting": "等待中：{waiting} 个",
    "coming": "今后 {span:span}内到期：{coming} 个",
    "coming_first": "今后 {span:span}内到期：{coming} 个，最早 {first:time}",
    "nothing_open": "没有未解除的告警。",
    "open": "未解除的告警：{count} 条",
}

#: What a provider's answer means, and what would mend it, in the words of the providers' tables.
_SAID = {
    "unknown error at the provider": "平台未知错误",
    "timeout inside the provider": "平台内部超时",
    "internal error at the provider": "平台内部错误",
    "an error behind the provider": "平台下游错误",
    "too many requests a minute": "每分钟请求过多",
    "too many tokens a minute": "每分钟字符过多",
    "too many connections": "并发连接过多",
    "too many requests": "请求过多",
    "requests grow too fast": "请求增长过快",
    "the key is not accepted": "密钥未被接受",
    "the key is not valid": "密钥无效",
    "the balance is too low": "余额不足",
    "the quota is used up": "额度已用完",
    "the plan's quota for these five hours is used up": "套餐的五小时额度已用完",
    "the plan does not include this model": "套餐不含此模型",
    "the account's identity is not verified": "账号未实名认证",
    "the text counts as sensitive": "文本被判为敏感",
    "the speech counts as sensitive": "合成结果被判为敏感",
    "too many invisible characters in the text": "文本中不可见字符过多",
    "a parameter is invalid": "参数无效",
    "this account has no access to the voice": "此账号无权使用该音色",
    "there is no such voice": "音色不存在",
    "a code that is not documented": "未公开的错误码",
    "the request is refused": "请求被拒绝",
    "the account may not do this": "账号无此权限",
    "there is nothing at this address": "地址不存在",
    "this address takes no such request": "地址不接受此类请求",
    "a proxy wants a user and password": "代理要求用户名和密码",
    "timeout at the provider": "平台超时",
    "the request is too large": "请求过大",
    "a gateway gave up waiting": "网关等待超时",
    "the provider fails": "平台故障",
    "an answer in no known shape": "应答格式无法识别",
    "an answer that cannot be read": "应答无法读取",
    "success without audio": "返回成功但没有音频",
    "a web page instead of an answer": "返回的是网页而非应答",
    "the address redirects elsewhere; keys are never sent along": "地址被重定向，密钥不会随之发送",
    "check api_key, and that the account's provider is of the key's own region": "请检查 api_key 及其所属区域",
    "it may belong to another account, region or gateway": "可能属于别的账号、区域或网关",
    "change keep.text or keep.alternate_text": "请修改 keep.text 或 keep.alternate_text",
    "check keep.text and model": "请检查 keep.text 和 model",
    "lower requests_per_minute": "请调低 requests_per_minute",
    "lower max_concurrency": "请调低 max_concurrency",
    "top up the account": "请充值",
    "wait for the next period or buy more": "请等待下一周期或加购",
    "wait or buy more": "请等待或加购",
    "choose another model": "请换用其他模型",
    "verify it at the provider": "请到平台处认证",
    "check base_url and path_prefix": "请检查 base_url 和 path_prefix",
    "check api_key": "请检查 api_key",
    "check api_key, balance and verification": "请检查 api_key、余额和认证",
    "check HTTP_PROXY and HTTPS_PROXY": "请检查 HTTP_PROXY 和 HTTPS_PROXY",
    "its budget is spent": "预算已用完",
    "voicekeeper ended before it could record the answer": "voicekeeper 在记录应答之前中止",
    "voicekeeper was stopped during the call.": "voicekeeper 在调用期间被停止。",
    "its account is not in the configuration": "其账号未在配置中",
    "there is no such model": "没有这个模型",
    "the task failed": "任务失败",
    "the prediction failed": "任务失败",
    "the provider failed to do it": "平台处理失败",
    "A task without its id.": "任务没有编号",
    "8 to 256 letters, digits, - and _, beginning with a letter, not ending with - or _": (
        "8 至 256 个字母、数字、- 和 _，以字母开头，不以 - 或 _ 结尾"
    ),
    "1 to 256 characters without spaces": "1 至 256 个字符，不含空格",
    "8 or more letters and digits, beginning with a letter": "至少 8 个字母和数字，以字母开头",
    "the instance that made this call ended before it could record the answer": "发起调用的实例在记录应答之前中止",
}

#: The keeper's own sentences that hold something else, which is put into words in its turn.
_FORMS = {
    r"no whole answer within (\S+) s": "{0} 秒内没有收到完整应答",
    r"the connection broke: (.*)": "连接中断：{0}",
    r"could not connect: (.*)": "无法连接：{0}",
    r"the answer is longer than (\d+) MiB": "应答超过 {0} MiB",
    r"the answer cannot be unpacked: (.*)": "应答无法解压：{0}",
    r'voice_id "(.*)" is impossible: (.*)': "voice_id“{0}”不合法：{1}",
    r"(8 to 256 .* - or _); hingnet takes (.*) for voices of its own": "{0}；{1} 在 hingnet 是内置音色",
    r"throttled for another (.*)": "限流，还需 {0}",
    r"its answer is not known: (.*)": "应答未知：{0}",
    r"Task (\S+) has not ended within (\S+) s\.": "任务 {0} 在 {1} 秒内没有结束",
    r"Task (\S+): (.*)\.": "任务 {0}：{1}",
    r"voicekeeper itself failed: (.*)\.": "voicekeeper 自身出错：{0}",
}

CHINESE = Catalogue(
    alerts=_ALERTS,
    phrases=_PHRASES,
    write={
        "time": write_time,
        "second": write_second,
        "count": write_count,
        "span": _span,
        "voices": str,
        "rows": str,
        "tries": str,
        "clause": clause,
        "origin": lambda origin: _ORIGINS.get(origin, origin),
        "mark": mark,
    },
    between="",
    said=_SAID,
    forms={re.compile(pattern, re.DOTALL): form for pattern, form in _FORMS.items()},
    answer=("{words}（{evidence}）。", "{words}（{evidence}）：{mend}。"),
)
