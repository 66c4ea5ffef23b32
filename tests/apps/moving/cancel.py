"""A generator that is told to stop."""

import sys
import time
from concurrent.futures import CancelledError
from contextlib import suppress

from gradio_client import Client
from gradio_client.utils import Status

client = Client(sys.argv[1], verbose=False)
job = client.submit("abcdefghijklmnopqrst", 0.3, api_name="/spell")
while len(job.outputs()) < 2:
    time.sleep(0.02)
print(job.cancel())
time.sleep(1)
print(len(job.outputs()) < 15, job.status().code == Status.CANCELLED)
with suppress(CancelledError, Exception):  # with the official client either, by chance
    job.result(timeout=10)
print(job.done(), client.predict("again", api_name="/translate"))
