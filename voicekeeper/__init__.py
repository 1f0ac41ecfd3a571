"""Keeps cloned voices alive: one minimal T2A call on each before its deadline."""

__version__ = "0.1.0"
