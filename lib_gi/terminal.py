"""What the command line writes: its own output to stdout, and all else to stderr, a line each."""

import sys


def say(line: str) -> None:
    """Writes one line of a command's own output."""
    sys.stdout.write(line + "\n")


def note(message: str) -> None:
    """Writes one line to stderr that is no error: stdout holds the files' names alone."""
    sys.stderr.write(f"note: {message}\n")


def complain(message: str) -> None:
    """Writes one line to stderr."""
    sys.stderr.write("error: " + " ".join(message.split()) + "\n")
