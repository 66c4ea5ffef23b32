"""The values of a generator: polled for, iterated over, and the last one."""

import sys
import time

from gradio_client import Client

client = Client(sys.argv[1], verbose=False)
job = client.submit(3, api_name="/count")
while not job.done():
    time.sleep(0.05)
print(job.outputs())
job = client.submit(4, api_name="/count")
for value in job:
    print(value)
print(job.result(), job.outputs())
job = client.submit(3, api_name="/count")
print(next(job), client.predict(2, api_name="/count"))
