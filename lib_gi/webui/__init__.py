"""What a WebUI's script needs around the core: its arguments, form, tab, infotext, X/Y/Z axes and HTTP routes.

Nothing here samples, and only `accordion` and the tab import gradio; the host's own modules are handed in where they
are needed.
"""
