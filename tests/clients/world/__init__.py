"""A world of real processes: a private CA, a cloud, a gateway and devices, from the configurations that ship.

Standard library only. All of it lives in one temporary folder, which has the layout of the repository.
"""

from .device import Device
from .oracle import Oracle
from .world import World

__all__ = ["Device", "Oracle", "World"]
