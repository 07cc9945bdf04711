"""APIs of others that are lists, by us after their documentation, on a real socket: generic ones and three vendors."""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

Row = dict[str, Any]

RAPIDMAIL: Final = "Basic " + base64.b64encode(b"user:pass").decode()
TOKEN: Final = "token-of-an-hour"

FOUND_A_PAGE: Final = 200
"""Rows that one page of HubSpot's search has at most."""

FOUND_MAX: Final = 10_000
"""Rows that one search of HubSpot gives at most."""


class Vendor:
    """Rows, a page at a time, and the answers that are given instead while it is unwell."""

    def __init__(self, size: int) -> None:
        self.rows: list[Row] = []
        self.size = size
        self.ill: list[tuple[int, Mapping[str, str]]] = []
        self.asked: list[str] = []
        self.posted: Any = None
        self.meanwhile: Callable[[], None] | None = None
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open it on a port of its own."""
        app = web.Application()
        for path, answer in (
            ("/whole", self._whole), ("/link", self._link), ("/hal/recipients", self._hal), ("/recipients", self._hal),
            ("/cursor", self._cursor), ("/crm/v3/objects/contacts", self._cursor), ("/page", self._page),
            ("/circle", self._circle), ("/elsewhere", self._elsewhere), ("/services/data/{version}/query", self._query),
            ("/services/data/{version}/query/{locator}", self._query), ("/since", self._since),
        ):  # fmt: skip
            app.router.add_get(path, self._guarded(answer))
        app.router.add_post("/services/oauth2/token", self._token)
        app.router.add_post("/crm/v3/objects/contacts/search", self._guarded(self._search))
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close it."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _guarded(self, answer: Callable[[web.Request], web.Response]) -> Callable[[web.Request], Any]:
        async def guarded(request: web.Request) -> web.Response:
            self.asked.append(request.path_qs)
            if self.ill:
                status, headers = self.ill.pop(0)
                return web.Response(status=status, headers=headers)
            self.posted = await request.json() if request.content_type == "application/json" else None
            said = answer(request)
            if self.meanwhile is not None:
                self.meanwhile()
            return said

        return guarded

    def _part(self, first: int) -> tuple[list[Row], bool]:
        return self.rows[first : first + self.size], first + self.size < len(self.rows)

    def _whole(self, _: web.Request) -> web.Response:
        return web.json_response(self.rows)

    def _link(self, request: web.Request) -> web.Response:
        first = int(request.query.get("from", "0"))
        part, more = self._part(first)
        following = {"Link": f'<{self.url}/link?from={first + self.size}>; rel="next", <{self.url}/link>; rel="first"'}
        return web.json_response(part, headers=following if more else {})

    def _hal(self, request: web.Request) -> web.Response:
        """As rapidmail answers: with Basic, `_embedded.recipients`, `_links.next` while there are more."""
        if request.headers.get("Authorization") != RAPIDMAIL:
            return web.Response(status=401)
        page, number = int(request.query.get("page", "1")), request.query.get("recipientlist_id", "")
        part, more = self._part((page - 1) * self.size)
        here = f"{self.url}{request.path}?recipientlist_id={number}"
        links = {"self": {"href": f"{here}&page={page}"}, "first": {"href": here}}
        if more:
            links["next"] = {"href": f"{here}&page={page + 1}"}
        rows = [{**row, "_links": {"self": {"href": f"{self.url}/recipients/{row['id']}"}}} for row in part]
        return web.json_response({"_links": links, "_embedded": {"recipients": rows}, "page": page})

    def _cursor(self, request: web.Request) -> web.Response:
        """As HubSpot lists contacts: `results`, and `paging.next.after` while there are more."""
        if request.headers.get("Authorization") != "Bearer pat-1":
            return web.Response(status=401)
        after = int(request.query.get("after", "0"))
        part, more = self._part(after)
        following = {"paging": {"next": {"after": str(after + self.size), "link": "https://elsewhere.example"}}}
        return web.json_response({"results": part, **(following if more else {})})

    def _search(self, request: web.Request) -> web.Response:
        """As HubSpot searches contacts: the oldest change first, 200 a page and 10,000 a search at most."""
        if request.headers.get("Authorization") != "Bearer pat-1":
            return web.Response(status=401)
        ((condition,),) = (group["filters"] for group in self.posted["filterGroups"])
        by, after = condition["propertyName"], int(self.posted.get("after", "0"))
        if condition["operator"] != "GTE" or self.posted["limit"] > FOUND_A_PAGE or after >= FOUND_MAX:
            return web.json_response({"status": "error", "category": "VALIDATION_ERROR"}, status=400)

        def moved(row: Row) -> int:
            return int(datetime.fromisoformat(row["properties"][by]).timestamp() * 1000)

        assert self.posted["sorts"] == [{"propertyName": by, "direction": "ASCENDING"}]
        found = sorted((row for row in self.rows if moved(row) >= int(condition["value"])), key=moved)
        told = {*self.posted["properties"], "createdate", "hs_object_id", by}
        part = [
            {**row, "properties": {name: value for name, value in row["properties"].items() if name in told}}
            for row in found[after : after + self.size]
        ]
        more = {"paging": {"next": {"after": str(after + self.size)}}} if after + self.size < len(found) else {}
        return web.json_response({"total": len(found), "results": part, **more})

    def _page(self, request: web.Request) -> web.Response:
        part, _ = self._part((int(request.query["p"]) - 1) * self.size)
        return web.json_response({"data": {"people": part}})

    def _circle(self, _: web.Request) -> web.Response:
        return web.json_response({"rows": self.rows[:1], "next": "/circle"})

    def _elsewhere(self, _: web.Request) -> web.Response:
        return web.json_response({"rows": self.rows[:1], "next": "https://elsewhere.example/steal"})

    def _since(self, request: web.Request) -> web.Response:
        since = request.query.get("after", "")
        return web.json_response([row for row in self.rows if row["changed"] >= since])

    async def _token(self, request: web.Request) -> web.Response:
        """As Salesforce exchanges a client's key and secret."""
        form = await request.post()
        if dict(form) != {"grant_type": "client_credentials", "client_id": "key", "client_secret": "secret"}:
            return web.json_response({"error": "invalid_client"}, status=400)
        return web.json_response({"access_token": TOKEN, "instance_url": self.url, "token_type": "Bearer"})

    def _query(self, request: web.Request) -> web.Response:
        """As Salesforce answers a query: `records`, and `nextRecordsUrl` until `done`."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response([{"errorCode": "INVALID_SESSION_ID"}], status=401)
        locator = request.match_info.get("locator", "")
        query = request.query.get("q", "")
        if not locator and not query.startswith("SELECT Id, "):
            return web.json_response([{"errorCode": "MALFORMED_QUERY"}], status=400)
        since = query.partition("SystemModstamp >= ")[2] or locator.partition("~")[2]
        rows = [row for row in self.rows if row["SystemModstamp"] >= since]
        first = int(locator.partition("~")[0] or 0)
        part, rest = rows[first : first + self.size], first + self.size < len(rows)
        path = f"/services/data/{request.match_info['version']}/query/{first + self.size}~{since}"
        records = [{"attributes": {"type": "Contact", "url": f"/sobjects/{row['Id']}"}, **row} for row in part]
        following = {"nextRecordsUrl": path} if rest else {}
        return web.json_response({"totalSize": len(rows), "done": not rest, "records": records, **following})
