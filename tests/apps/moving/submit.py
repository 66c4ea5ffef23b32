"""Jobs in the background, and what a Future can do."""

import concurrent.futures
import sys

from gradio_client import Client

client = Client(sys.argv[1], max_workers=8, verbose=False)
job = client.submit("world", api_name="/translate")
print(job.result(), job.result(timeout=5), job.done(), job.exception())
jobs = [client.submit(number, "add", 1, api_name="/predict") for number in range(6)]
concurrent.futures.wait(jobs, timeout=60)
print([job.result() for job in jobs])
slow = client.submit("abc", 0.3, api_name="/spell")
try:
    slow.result(timeout=0.1)
except concurrent.futures.TimeoutError:
    print("not yet")
print(slow.result(), slow.done())
