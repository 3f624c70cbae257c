"""Procedural head CTs with and without hemorrhage, seeded and reproducible at any resolution."""

__all__ = ["Phantom", "generate"]


def __getattr__(name):
    # Lazily, so that `--help` needs neither numpy nor scipy.
    if name in __all__:
        from . import phantom

        return getattr(phantom, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
