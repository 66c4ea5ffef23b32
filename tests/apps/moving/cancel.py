"""A generator that is told to stop, and a job that was not begun."""

import sys
import time
from concurrent.futures import CancelledError

from gradio_client import Client
from gradio_client.utils import Status

client = Client(sys.argv[1], verbose=False)
job = client.submit("abcdefghijklmnopqrst", 0.3, api_name="/spell")
while len(job.outputs()) < 2:
    time.sleep(0.02)
print(job.cancel())
time.sleep(1)
print(len(job.outputs()) < 15, job.status().code == Status.CANCELLED)
try:
    job.result(timeout=10)
except CancelledError:
    print("cancelled")
print(client.predict("again", api_name="/translate"))
