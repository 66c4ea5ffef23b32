"""Every update of a job, without holding the event loop."""

import asyncio
import sys

from gradio_client import Client
from gradio_client.utils import OutputUpdate, StatusUpdate


async def main():
    client = Client(sys.argv[1], verbose=False)
    job = client.submit(4, api_name="/count")
    values, codes, finals = [], set(), []
    async for update in job:
        if isinstance(update, OutputUpdate) and not update.final:
            values.append(update.outputs)
        elif isinstance(update, OutputUpdate):
            finals.append((update.success, update.type))
        elif isinstance(update, StatusUpdate):
            codes.add(update.code.name)
    print(values, finals, sorted({"PROCESSING", "ITERATING"} & codes))
    print(
        await asyncio.gather(*[asyncio.to_thread(client.predict, i, 1, api_name="/both") for i in range(3)])
    )
    print(await asyncio.wrap_future(client.submit("x", api_name="/translate")))


asyncio.run(main())
