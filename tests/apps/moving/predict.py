"""One call after another: by position, by name, with defaults, with several results."""

import sys

from gradio_client import Client

client = Client(sys.argv[1])
print(client.predict(4, "add", 5, api_name="/predict"))
print(client.predict(num1=4, operation="subtract", num2=5, api_name="/predict"))
print(client.predict(4, api_name="/predict"))
print(client.predict("Marie", api_name="/translate"), client.predict(7, 3, api_name="/both"))
print(client.predict(4, "add", 5, fn_index=0))
