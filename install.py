"""Run by the WebUI before it starts. Nothing needs to be installed: all that the extension imports is there.

Nor is there a metadata.ini, by which extensions ask to be loaded before or after others. Of what the host tells at each
step only the numbers of rows are used, of which the conditional ones come first. So another extension whose callback
comes later may exchange what rows hold, or take some away, and the conditional ones are inhibited all the same; where
it adds some, the picture is refused. Layers are hooked whatever computes them, and the X/Y/Z plot's axes are added when
all scripts are there.
"""
