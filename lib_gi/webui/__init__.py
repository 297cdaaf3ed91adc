"""What a WebUI's script needs around the core: its arguments, form, tab, settings page, axes and HTTP routes.

Nothing here samples, and only `accordion`, the tab, and what is built upon them import gradio; the host's own modules
are handed in where they are needed.
"""
