"""HTTP over sockets: `http.Transport` makes requests."""
