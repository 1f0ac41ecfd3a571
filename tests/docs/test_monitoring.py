"""The alert rules and the dashboard: promtool takes them as they are, and they ask for metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.documents import HOUSE, read, require
from voicekeeper.clock import WallClock
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Voice
from voicekeeper.web.census import Census, Figures
from voicekeeper.web.health import Health
from voicekeeper.web.metrics import Metrics

RULES = "deploy/prometheus/voicekeeper.rules.yml"
DASHBOARD = json.loads(read("deploy/grafana/voicekeeper.json"))
_METRIC = re.compile(r"\bvoicekeeper_\w+")


def promtool(*words: str, folder: Path = HOUSE / "deploy/prometheus") -> subprocess.CompletedProcess[str]:
    return subprocess.run([require("promtool"), *words], cwd=folder, capture_output=True, text=True, check=False)


def exprs() -> Iterator[str]:
    """Yield every query of the dashboard."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def samples() -> set[str]:
    """Return the names of all series that a daemon can show."""
    now, census = datetime.now(UTC), Census(WallClock())
    census.figures = Figures(now, {}, {"main": now}, {("main", "CNY"): Decimal(1)}, [])
    metrics = Metrics(census, Health())
    metrics.expect(["main"])
    voice = Voice(id=1, account="main", voice_id="v", cloned_at=now)
    metrics.settled(voice, Answer(outcome=Outcome.KEPT), now - now, 1)
    families = list(text_string_to_metric_families(metrics.page().decode()))
    return {sample.name for one in families for sample in one.samples} | {one.name for one in families}


def test_the_rules_are_rules():
    """Prometheus would not start with the file."""
    done = promtool("check", "rules", Path(RULES).name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_when_they_should_and_only_then():
    """An alarm would be silent, or cry wolf: the cases are in the file beside the rules."""
    done = promtool("test", "rules", "voicekeeper.rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_rule_is_noticed(tmp_path: Path):
    """The tests above could not fail."""
    for file in (HOUSE / "deploy/prometheus").iterdir():
        shutil.copy(file, tmp_path)
    rules = tmp_path / Path(RULES).name
    rules.write_text(rules.read_text().replace("< 6 * 3600", "< 60 * 3600"))
    assert promtool("test", "rules", "voicekeeper.rules.test.yml", folder=tmp_path).returncode != 0


def test_every_rule_has_its_cases():
    """A rule would be added that nobody has ever seen fire."""
    cases = read("deploy/prometheus/voicekeeper.rules.test.yml")
    for name in re.findall(r"- alert: (\w+)", read(RULES)):
        assert re.search(rf"alertname: {name}\n +exp_alerts", cases), name
        assert len(re.findall(rf"alertname: {name}\n(?! +exp_alerts)", cases)) >= 1, name


@pytest.mark.parametrize("asked", [read(RULES), *exprs()])
def test_only_metrics_that_there_are_are_asked_for(asked: str):
    """A rule or a panel for a mistyped name is silent for ever."""
    assert set(_METRIC.findall(asked)) - {"voicekeeper_rules"} <= samples()


def test_promtool_can_read_the_dashboards_queries(tmp_path: Path):
    """A panel would show an error instead of a figure."""
    filled = [
        expr.replace("$__rate_interval", "5m").replace("$job", "voicekeeper").replace("$account", ".*")
        for expr in exprs()
    ]
    rules: list[dict[str, Any]] = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(filled)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", "panels.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_shows_every_metric():
    """A figure would be scraped that nobody ever sees."""
    shown = {name.removesuffix("_bucket") for expr in exprs() for name in _METRIC.findall(expr)}
    families = {name for name in samples() if not name.endswith(("_bucket", "_sum", "_count"))}
    assert {name.removesuffix("_total") for name in shown} == {name.removesuffix("_total") for name in families}


def test_panels_do_not_cover_each_other():
    """Grafana would move panels about, or show one below another."""
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        assert max(x for x, _ in own) < 24
        cells |= own
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
