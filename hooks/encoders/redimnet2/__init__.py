"""ReDimNet2: the files of its release, and the encoder."""
