"""One module per kind of host: each finds the UNet, encodes a concept, and tells the rows of a call."""
