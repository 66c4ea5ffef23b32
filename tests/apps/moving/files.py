"""Files up and down, downloaded to a folder of one's own or not at all."""

import os
import sys
import tempfile
from pathlib import Path

from gradio_client import Client, handle_file

folder = Path(tempfile.mkdtemp())
(folder / "a note.txt").write_text("note")
(folder / "list.csv").write_text("1,2")
client = Client(sys.argv[1], download_files=folder / "results", verbose=False)
path = client.predict(handle_file(str(folder / "a note.txt")), api_name="/same")
print(type(path) is str or isinstance(path, str), os.path.basename(path), Path(path).read_text())
print(os.path.relpath(path, folder / "results").count(os.sep), client.output_dir == str(folder / "results"))
both = [handle_file(folder / name) for name in ("a note.txt", "list.csv")]
print([Path(each).read_text() for each in client.predict(both, api_name="/turn")])
remote = Client(sys.argv[1], download_files=False, verbose=False)
left = remote.predict(handle_file(folder / "list.csv"), api_name="/same")
print(left["orig_name"], left["url"].startswith(sys.argv[1]), left["meta"])
try:
    handle_file(folder / "missing.txt")
except ValueError as error:
    print(str(error).replace(str(folder), "…"))
