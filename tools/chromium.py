"""Headless Chromium on a WebUI's page: where it is, and how it is started so that it asks nothing but that page."""

import os
import shutil

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the page asks for fonts and scripts from elsewhere
)


def chromium() -> str | None:
    """Where the browser is: GI_CHROMIUM, or what is found by its usual names."""
    return os.environ.get("GI_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
