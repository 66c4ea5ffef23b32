"""`python -m` of this package runs its command line."""

from __future__ import annotations

from .errors import MissingFeature

if __name__ == "__main__":
    try:
        from .cli import main
    except MissingFeature as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(main())
