"""Faults of a network, at every step of a session, by seed, and what must hold under each.

`steps` names the moments of a session, `faults` what may go wrong at one. `schedules` draws both from a seed,
and prints them. `proxy` listens, `connection` carries bytes, which `framing` takes apart, and strikes.
`workload` makes calls, `trial` carries a schedule out, `invariants` judges what came of it, `table` counts.
Schedules are run against real servers by `tests/apps/test_chaos.py`.
"""
