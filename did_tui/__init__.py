"""Talk face to face with D-ID's digital humans, and run them, from any terminal."""

__version__ = "0.1.0"
