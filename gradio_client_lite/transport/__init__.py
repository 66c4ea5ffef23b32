"""The only rooms that touch sockets. `http.Transport` is the HTTP one."""
