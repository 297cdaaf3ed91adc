"""Run by the WebUI before it starts. Nothing needs to be installed: all that the extension imports is there."""
