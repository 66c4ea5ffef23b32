"""Tens of thousands of calls on a client, and whether anything grows with them, here or at the server.

`workload` makes the calls, `gauges` reads what the process and the server hold, `judgement` says what has
grown, and `table` shows it. `python -m soak` runs it in a process that does nothing else; the test, and the
long run of `tox -e soak`, are tests/apps/test_soak.py.
"""
