"""Trace context and OpenTelemetry spans."""
