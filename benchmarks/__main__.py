"""The benchmarks' commands; a quiet machine gives the best figures.

python -m benchmarks            the clients side by side on a real server; --help tells the options
python -m benchmarks parsers    the parsers alone
"""

from __future__ import annotations

import runpy
import sys

if sys.argv[1:] == ["parsers"]:
    runpy.run_module("benchmarks.parsers", run_name="__main__")
else:
    from .run import main

    main(sys.argv[1:])
