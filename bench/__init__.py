"""Reproducible measurements, each a ratio against a named peer or limit."""
