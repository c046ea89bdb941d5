"""Telemetry of a running training: what the decay of each parameter group does, attached or not."""

from shrinkage.monitoring._telemetry import Telemetry, telemetry

__all__ = ["Telemetry", "telemetry"]
