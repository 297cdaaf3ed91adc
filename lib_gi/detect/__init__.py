"""Detectors: what says whether a concept is in a picture."""
