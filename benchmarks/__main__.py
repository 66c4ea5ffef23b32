"""The benchmarks' commands; a quiet machine gives the best figures.

python -m benchmarks            the clients side by side, as one table; --help tells the options
python -m benchmarks parsers    the parsers alone
python -m benchmarks sizes      what the clients take up and how fast they start; --write: into the notes
python -m benchmarks.files      a large file up and down
"""

from __future__ import annotations

import runpy
import sys

if sys.argv[1:] == ["parsers"]:
    runpy.run_module("benchmarks.parsers", run_name="__main__")
elif sys.argv[1:2] == ["sizes"]:
    from .sizes import main

    main(sys.argv[2:])
else:
    from .run import main

    main(sys.argv[1:])
