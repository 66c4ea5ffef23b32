"""What scripts read of a client, its endpoints and its jobs."""

import sys

from gradio_client import Client
from packaging import version

client = Client(
    sys.argv[1], headers={"x-mine": "1"}, httpx_kwargs={"timeout": 30}, ssl_verify=False, verbose=False
)
for name in ("src", "src_prefixed", "api_prefix", "api_url", "sse_url", "sse_data_url", "heartbeat_url"):
    print(name, getattr(client, name))
for name in ("ws_url", "upload_url", "reset_url", "protocol", "space_id", "ssl_verify", "verbose"):
    print(name, getattr(client, name))
print(client.app_version > version.parse("5.0"), version.parse("7") > client.app_version, client.app_version)
print(client.headers["x-mine"], dict(client.cookies), client.config["version"], client.token)
for endpoint in list(client.endpoints.values())[:8]:
    kinds = [(kind.skip, kind.value_is_file, kind.is_state) for kind in endpoint.input_component_types]
    print(endpoint.fn_index, endpoint.api_name, endpoint.protocol, endpoint.is_valid, kinds)
    print(endpoint.dependency["targets"], endpoint.root_url, endpoint.backend_fn, endpoint.api_visibility)
    print([parameter["parameter_name"] for parameter in endpoint.parameters_info or []])
    print([kind.value_is_file for kind in endpoint.output_component_types])
