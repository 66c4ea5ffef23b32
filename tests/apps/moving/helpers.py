"""The helper functions that scripts take from `utils`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from gradio_client import Client, FileData, utils
from gradio_client.client import DEFAULT_TEMP_DIR, Endpoint, Job
from gradio_client.data_classes import ParameterInfo


async def double(number, *, and_one=False):
    await asyncio.sleep(0.01)
    return number * 2 + and_one


print(utils.synchronize_async(double, 3), utils.synchronize_async(double, 4, and_one=True))
picture = Path(tempfile.mkdtemp()) / "dot.png"
picture.write_bytes(b"not really")
url = utils.encode_file_to_base64(picture)
print(url, utils.decode_base64_to_binary(url), utils.get_mimetype(str(picture)), utils.get_extension(url))
print(utils.is_http_url_like(sys.argv[1]), utils.is_file_obj_with_meta({"path": "a"}))
print(utils.traverse({"a": [1, "b"]}, str.upper, lambda value: isinstance(value, str)))
print(utils.strip_invalid_filename_characters("a/b?.txt"), utils.Status.STARTING)
client = Client(sys.argv[1], verbose=False)
job = client.submit("a", api_name="/translate")
print(isinstance(job, Job), isinstance(client.endpoints[0], Endpoint), isinstance(DEFAULT_TEMP_DIR, str))
print(sorted(ParameterInfo.__annotations__)[:2], "orig_name" in FileData.__annotations__)
print(
    job.result(), issubclass(utils.QueueError, Exception), issubclass(utils.TooManyRequestsError, Exception)
)
