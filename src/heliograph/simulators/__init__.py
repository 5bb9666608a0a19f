"""Fakes of the push providers over real sockets: strict like the originals, scriptable."""

from heliograph.simulators.simulators import Simulators

__all__ = ["Simulators"]
