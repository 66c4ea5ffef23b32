"""The connections of one transport: idle ones to use again, active ones to be able to wake."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import suppress
from typing import List, Optional, Tuple

from .connection import Connection
from .dial import Route
from .timeout import Clock, IdleClock


class Pool:
    """Keeps idle connections, the one used last on top.

    The lock guards the lists only. What has to be closed or looked at is taken out under the lock and dealt
    with after it is released.

    Args:
        max_idle: connections kept in all; the one idle longest makes room.
        idle_expiry: seconds; one idle for longer is not used for a request that must not be sent twice.
            uvicorn closes idle connections after 5 s, and a busy server looks at what has come only then.
        idle_limit: seconds after which an idle one is closed in any case.
        clock: monotonic; may stand still while the machine is suspended.
        calendar: seconds since the epoch; tells of that.
    """

    def __init__(
        self,
        *,
        max_idle: int = 16,
        idle_expiry: float = 2.0,
        idle_limit: float = 60.0,
        clock: Clock = time.monotonic,
        calendar: Clock = time.time,
    ) -> None:
        self._max_idle = max_idle
        self._expiry = idle_expiry
        self._limit = max(idle_limit, idle_expiry)
        self._clock = IdleClock(clock, calendar)  # read under the lock
        # Reentrant, as a signal handler or a finaliser of the program may close the client, or cancel a job,
        # on a thread that holds it. The list of the idle ones is another one then.
        self._lock = threading.RLock()
        self._idle: List[Connection] = []
        # Weak: a forgotten stream must not keep its socket open.
        self._active: weakref.WeakSet[Connection] = weakref.WeakSet()
        self.closed = False

    def counts(self) -> Tuple[int, int]:
        """Return how many connections are idle and how many active."""
        with self._lock:
            return len(self._idle), len(self._active)

    def take(self, route: Route, *, idempotent: bool) -> Optional[Connection]:
        """Return an idle connection that still looks alive, or None.

        Args:
            route: where it must lead.
            idempotent: whether one idle for longer than the expiry will do, as the request may be repeated.
        """
        while True:
            with self._lock:
                now = self._clock()
                dead = self._expired(now)
                found = self._pop(route, now - (self._limit if idempotent else self._expiry))
                if found is not None:
                    self._active.add(found)
            for connection in dead:
                connection.close()
            if found is None or not found.stale():
                return found
            self.drop(found)

    def _expired(self, now: float) -> List[Connection]:
        # The list is in the order in which they became idle.
        idle, count = self._idle, 0
        while count < len(idle) and idle[count].idle_since < now - self._limit:
            count += 1
        dead, idle[:count] = idle[:count], []
        return dead

    def _pop(self, route: Route, since: float) -> Optional[Connection]:
        idle = self._idle
        for connection in reversed(idle.copy()):
            if connection.idle_since < since:
                break
            if connection.route == route:
                with suppress(ValueError):
                    idle.remove(connection)
                    return connection
        return None

    def add(self, connection: Connection) -> bool:
        """Count a new connection as active; False, and it is closed, when the pool was closed meanwhile."""
        with self._lock:
            if not self.closed:
                self._active.add(connection)
                return True
        connection.close()
        return False

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose last answer was read completely; close it where it cannot be used again."""
        dead = connection
        reusable = connection.reusable()
        with self._lock:
            self._active.discard(connection)
            if reusable and not self.closed and self._max_idle > 0:
                connection.idle_since = self._clock()
                self._idle.append(connection)
                if len(self._idle) <= self._max_idle and not self.closed:
                    return
                if self._idle:
                    dead = self._idle.pop(0)
        dead.close()

    def drop(self, connection: Connection) -> None:
        """Close a connection for good."""
        with self._lock:
            self._active.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close the idle connections and wake whoever uses an active one. Idempotent."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
            active = list(self._active)
        for connection in idle:
            connection.close()
        for connection in active:
            connection.abort()

    def forget(self) -> None:
        """In a child after fork: drop what belongs to the parent; the lock may be held by a thread of its."""
        self._lock = threading.RLock()
        idle, self._idle = self._idle, []
        self._active = weakref.WeakSet()
        for connection in idle:
            connection.close()
