"""Which version is this? The only place that says so."""

__version__ = "0.1.0"
