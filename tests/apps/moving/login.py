"""An app with a login."""

import sys

from gradio_client import Client
from gradio_client.exceptions import AuthenticationError

url = Client(sys.argv[1], verbose=False).predict(api_name="/locked_app")
client = Client(url, auth=["user", "pass"], verbose=False)
print(client.predict("you", api_name="/hello"), len(dict(client.cookies)), "cookies")


def connect(**options):
    try:
        Client(url, verbose=False, **options)
    except AuthenticationError:
        print("refused")
    except ValueError:
        print("refused as a ValueError")


connect()
connect(auth=("user", "wrong"))
