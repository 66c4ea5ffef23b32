"""The status of a job while it runs, and at its end."""

import sys
import time

from gradio_client import Client
from gradio_client.utils import Status, StatusUpdate

client = Client(sys.argv[1], verbose=False)
job = client.submit(8, api_name="/steps")
first = job.status()
print(isinstance(first, StatusUpdate), first.code < Status.ITERATING, first.success)
described = None
while not job.done():
    status = job.status()
    if status.progress_data:
        unit = status.progress_data[0]
        described = (unit.desc, unit.length, unit.unit, unit.progress)
    time.sleep(0.01)
print(described, job.result())
last = job.status()
print(last.code, last.code == Status.FINISHED, last.success, last.eta, last.rank, last.queue_size)
print(last.progress_data, last.time is not None, sorted(status.value for status in Status))
