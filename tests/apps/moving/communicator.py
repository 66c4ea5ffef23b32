"""The loop that scripts poll a streaming answer with: through the job's communicator."""

import sys
import time

from gradio_client import Client

client = Client(sys.argv[1], verbose=False)
job = client.submit("answer", 0.05, api_name="/spell")
seen = ""
while not job.done():
    outputs = job.communicator.job.outputs
    if outputs and outputs[-1] != seen:
        seen = outputs[-1]
    with job.communicator.lock:
        if job.communicator.job.latest_status.code.name == "FINISHED":
            break
    time.sleep(0.01)
job.future.result()
print(job.communicator.job.outputs[-1], "answer".startswith(seen))
print(isinstance(job.communicator.event_id, str), job.space_id, job.verbose)
