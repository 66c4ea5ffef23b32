"""An app's API as Python source: a module of functions with types, and snippets of calls."""
