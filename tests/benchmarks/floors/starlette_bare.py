"""The naive sale alone in Starlette, with psycopg's asynchronous pool; for uvicorn."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.benchmarks.floors import sql

_pool = AsyncConnectionPool(os.environ["DATABASE_URL"], open=False, min_size=8, max_size=8)


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    async with _pool:
        yield


async def _sell(request: Request) -> JSONResponse:
    asked = await request.json()
    event, seat, fan = request.path_params["event_id"], UUID(asked["seat"]), UUID(asked["fan"])
    order = uuid4()
    async with _pool.connection() as connection:
        cursor = await connection.execute(sql.SELECT, [seat, event])
        row = await cursor.fetchone()
        if row is None or row[0] != "available":
            return JSONResponse({"taken": asked["seat"]}, status_code=409)
        _, _, price, currency = row
        await connection.execute(sql.UPDATE, [seat])
        values = [order, order.hex[:12], event, fan, price, currency]
        await connection.execute(sql.ORDER, values)
        await connection.execute(sql.TICKET, [uuid4(), order, event, seat, fan, price, currency])
    return JSONResponse({"id": str(order), "total": price}, status_code=201)


application = Starlette(
    routes=[Route("/bare/{event_id:uuid}/", _sell, methods=["POST"])], lifespan=_open
)
