"""An app of several replicas, whose load balancer sends each request to another one."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import StreamLost
from gradio_client_lite.wire.urls import Routes

from .servers import Server

pytestmark = pytest.mark.whole


@pytest.mark.servers(since="4.16.0")
def test_replica_that_does_not_know_the_session_is_called_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is asked for the messages of a session that it has never heard of, as another replica is."""
    stream_of = Routes.data
    monkeypatch.setattr(Routes, "data", lambda routes, _: stream_of(routes, "joined elsewhere"))
    lost = pytest.raises(StreamLost, match="several replicas without sticky sessions")
    with Client(server.url, verbose=False) as client, lost as caught:
        client.predict("a", api_name="/echo")
    assert len(caught.value.event_ids) == 1
    assert not caught.value.retryable
