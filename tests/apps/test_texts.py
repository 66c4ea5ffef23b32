"""Texts beyond ASCII on real servers, whose event stream half of a surrogate pair would break."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import ArgumentError

from .servers import Server


def test_texts_arrive_as_they_are_and_half_a_pair_disturbs_no_other_job(server: Server) -> None:
    with Client(server.url, verbose=False) as client:
        job = client.submit(1, api_name="/slow")
        with pytest.raises(ArgumentError, match=r"^The argument .* of /echo holds half of a surrogate pair"):
            client.submit("\ud83d", api_name="/echo")
        texts = ["é\u0085\u2028\x7f", "日本語" * 1000, "\U0001f600", "\ue000\uffff"]
        assert [client.predict(text, api_name="/echo") for text in texts] == texts
        assert client.predict("\ud83d\ude00", api_name="/echo") == "\U0001f600"
        job.result(60)
