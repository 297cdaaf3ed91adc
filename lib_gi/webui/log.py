"""The lines that the extension writes to the WebUI's log."""

import logging
import os

NAMES = ("growth_inhibitors", "lib_gi")
LEVEL_VARIABLE = "SD_WEBUI_LOG_LEVEL"


def make_audible(level: str | None) -> None:
    """Has our loggers write what they do, from INFO on, unless the operator has chosen a level for the whole host.

    level: what --loglevel says. Where neither it nor the host's variable says anything, the host sets nothing up, and
    Python shows no line below WARNING. Safe to be called again, as after a reload of the page.
    """
    if level or os.environ.get(LEVEL_VARIABLE):
        return
    for name in NAMES:
        logger = logging.getLogger(name)
        if not logger.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
