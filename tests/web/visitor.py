"""Somebody with a browser but without a screen: pages, forms and cookies over HTTP."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.web.stage import TOKEN, Stage

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Visitor:
    """Asks for pages as a browser does; signs in where told to."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.csrf = stage, ""
        self._client = stage.client

    async def see(self, path: str = "/", **headers: str) -> str:
        """Return a page that is there."""
        answer = await self.get(path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self._client.get(path, headers={"Accept": "text/html", **headers})

    async def send(self, path: str, fields: list[tuple[str, str]], **headers: str) -> httpx.Response:
        """Send a form as it is."""
        return await self._client.post(path, content=urlencode(fields), headers=_FORM | headers)

    async def sign_in(self, token: str = TOKEN, then: str = "") -> httpx.Response:
        """Sign in, and learn what forms have to carry."""
        answer = await self.send("/sign-in", [("token", token), ("then", then)])
        if answer.status_code == 303:
            self.csrf = _CSRF.findall(await self.see("/"))[0]
        return answer

    async def decide(self, wish: str, *ids: int, sure: bool = True, **more: str) -> httpx.Response:
        """Send the form of a decision."""
        fields = {"csrf": self.csrf, "wish": wish, "back": "voices?status=waiting", **more}
        if sure:
            fields["sure"] = "yes"
        return await self.send("/decide", [*fields.items(), *(("voice", str(one)) for one in ids)])


def text_of(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def rows_of(stage: Stage, table: str = "voices") -> list[Any]:
    """Return everything that stands in a table."""
    with stage.app.database.transaction() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id")]  # noqa: S608 - ours
