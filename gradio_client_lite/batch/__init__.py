"""Many calls of one endpoint; see `mapping`."""
