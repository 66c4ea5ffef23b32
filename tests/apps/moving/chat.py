"""A chat, answer by answer, with files, and a history that is given back."""

import sys
import tempfile
from pathlib import Path

from gradio_client import Client, handle_file

client = Client(sys.argv[1], verbose=False)
for text in ("hello", "how are you"):
    print(client.predict({"text": text, "files": []}, api_name="/chat"))
note = Path(tempfile.mkdtemp()) / "note.txt"
note.write_text("note")
job = client.submit({"text": "see", "files": [handle_file(note)]}, api_name="/chat")
print(list(job)[-1])
history = client.predict([], handle_file(note), api_name="/look")
print([message["role"] for message in history], history[1]["content"])
print(Path(history[0]["content"][0]["file"]).read_text())
again = client.predict(
    [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], handle_file(note), api_name="/look"
)
print(len(again), again[0]["content"])
