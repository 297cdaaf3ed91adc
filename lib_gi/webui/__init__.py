"""What a WebUI's script needs around the core: its arguments, form, infotext, X/Y/Z axes and HTTP routes.

Nothing here samples, and only `accordion` imports gradio; the host's own modules are handed in where they are needed.
"""
