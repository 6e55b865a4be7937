"""An ad-supported video streaming service that runs whole on one machine."""

__version__ = "0.1.0"
