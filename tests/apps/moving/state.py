"""State that the server keeps for a client, and forgets."""

import sys

from gradio_client import Client

client = Client(sys.argv[1], verbose=False)
other = Client(sys.argv[1], verbose=False)
for word in ("one", "two", "one", "one"):
    print(word, client.predict(word, api_name="/count_word"))
print(other.predict("one", api_name="/count_word"))
before = client.session_hash
client.reset_session()
print(client.predict("one", api_name="/count_word"), client.session_hash != before)
