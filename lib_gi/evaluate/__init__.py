"""Measuring: intervals, committed figures, erasure and retention."""
