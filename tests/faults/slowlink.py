"""A slow link: forwards connections to a server on this machine, each byte half a round trip late."""

from __future__ import annotations

import asyncio
from typing import List


async def forward(port: int, round_trip: float) -> asyncio.base_events.Server:
    """Listen for connections to forward.

    Args:
        port: of the server, on 127.0.0.1.
        round_trip: seconds that a request and its answer spend on the link; connecting to it takes none.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _carry(reader, upstream[1], round_trip / 2),
            _carry(upstream[0], writer, round_trip / 2),
            return_exceptions=True,
        )

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: float) -> None:
    loop = asyncio.get_running_loop()
    under_way: List[asyncio.Task[None]] = []

    async def deliver(data: bytes, due: float, before: List[asyncio.Task[None]]) -> None:
        await asyncio.gather(*before, return_exceptions=True)
        await asyncio.sleep(due - loop.time())
        if data:
            writer.write(data)
        else:
            writer.close()

    while True:
        data = await reader.read(65536)
        due = loop.time() + late
        under_way = [asyncio.ensure_future(deliver(data, due, under_way))]
        if not data:
            await under_way[0]
            return
