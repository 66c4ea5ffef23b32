"""Functions that are called with the result."""

import sys
import threading

from gradio_client import Client

done = threading.Event()


def print_result(text):
    print(f"The translated result is: {text}")


def tell(text):
    print("told of", len(text), "letters")
    done.set()


def print_both(total, difference):
    print("total", total, "difference", difference)


client = Client(sys.argv[1], verbose=False)
job = client.submit("Hello", api_name="/translate", result_callbacks=[print_result, tell])
done.wait(30)
print(job.result())
finished = threading.Event()
job = client.submit(5, 2, api_name="/both", result_callbacks=print_both)
job.add_done_callback(lambda job: finished.set())
finished.wait(30)
print(job.result())
