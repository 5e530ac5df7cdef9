"""The API process as it is put together from its own parts, with the real support desk."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx

from tests.api.served import Service
from tests.api.test_support_routes import ASK, ASKS
from venturi.api.server import assemble
from venturi.parts import Parts


def test_the_parts_fit_and_a_support_request_goes_its_way(running: Service) -> None:
    tokens = {name: running.token(issuer, name) for issuer, name in (("venturi", "support-1"), ("alder", "approver"))}

    async def story() -> None:
        async with AsyncExitStack() as stack:
            api = await assemble(running.settings, Parts(), stack)
            transport = httpx.ASGITransport(api.asgi())
            web = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://api.example"))

            async def say(method: str, path: str, name: str, json: object = None) -> httpx.Response:
                headers = {"Authorization": f"Bearer {tokens[name]}"}
                return await web.request(method, path, headers=headers, json=json)

            assert (await web.get("/readyz")).status_code == 200
            made = await say("POST", ASKS, "support-1", ASK)
            assert made.status_code == 201, made.text
            ident, digest = made.json()["id"], made.json()["digest"]
            listed = await say("GET", "/v1/tenants/alder/support/requests", "approver")
            assert ident in [item["id"] for item in listed.json()["items"]]
            answers = f"/v1/tenants/alder/support/requests/{ident}"
            refused = await say("POST", f"{answers}/approve", "approver", {"digest": digest})
            assert (refused.status_code, refused.json()["error"]) == (403, "MFA_REQUIRED")
            denied = await say("POST", f"{answers}/deny", "approver")
            assert denied.json()["state"] == "denied"
            seen = await say("GET", f"{ASKS}/{ident}", "support-1")
            assert seen.json()["state"] == "denied"
            assert (await say("POST", f"{ASKS}/{ident}/withdraw", "support-1")).status_code == 409
            assert (await say("GET", f"{ASKS}/sr_absent", "support-1")).status_code == 404

    asyncio.run(story())
