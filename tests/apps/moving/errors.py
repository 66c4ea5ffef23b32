"""What goes wrong: in the app, in the call, in the values."""

import sys

import gradio_client
from gradio_client import Client
from gradio_client.exceptions import AppError, ValidationError

client = Client(sys.argv[1], verbose=False)
try:
    client.predict(1, "divide", 0, api_name="/predict")
except AppError as error:
    print(error, [error.message, error.title, error.duration, error.visible, error.print_exception])
job = client.submit(1, "divide", 0, api_name="/predict")
print(type(job.exception()).__name__, isinstance(job.exception(), gradio_client.exceptions.AppError))
try:
    client.predict("ab", api_name="/greet")
except ValidationError as error:
    print(error)


def told(*args, **kwargs):
    """The kind of the error of a call, and its first sentence."""
    try:
        return client.predict(*args, **kwargs)
    except Exception as error:
        sentence = str(error).split(". ")[0].rstrip(".")
        return f"{isinstance(error, ValueError)} {isinstance(error, TypeError)} {sentence}"


print(told("x", api_name="/missing"))
print(told("x", api_name="translate"))
print(told(api_name="/translate"))
print(told("x", wrong=1, api_name="/translate"))
print(told(param_0="x", wrong=1, api_name="/translate"))
print(told("x", fn_index=9999))
print(told("x"))
