"""The description of an app, printed, as a text and as data."""

import sys

from gradio_client import Client

client = Client(src=sys.argv[1], verbose=False)
client.view_api()
text = client.view_api(all_endpoints=True, print_info=False, return_format="str")
print(text == str(client), len(text))
described = client.view_api(print_info=False, return_format="dict")
for name, endpoint in described["named_endpoints"].items():
    print(name, [(each["parameter_name"], each["python_type"]["type"]) for each in endpoint["parameters"]])
