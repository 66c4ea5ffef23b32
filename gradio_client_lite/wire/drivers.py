"""Which driver runs an endpoint's jobs."""

from __future__ import annotations

from .config import AppSpec, EndpointSpec
from .version import Version

_SOUND_JSON = Version.parse("6.0.0")


def runs_directly(app: AppSpec, endpoint: EndpointSpec) -> bool:
    """Whether one direct POST gives all that a trip through the queue would.

    It is for functions with `queue=False`, which every server also takes through its queue. What the direct
    route gets wrong goes there: of a generator it gives the first value alone; it refuses batched functions
    of several inputs (5.50, 6.31); and before 6.0 it spoils JSON outputs, without an error on 5.50.
    """
    if endpoint.queue is not False or endpoint.generator or endpoint.batch:
        return False
    return app.version >= _SOUND_JSON or all(output.type != "json" for output in endpoint.outputs)
