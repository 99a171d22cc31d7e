"""multilingual-e5-small in numpy, with the weights that a package brings: no torch, no network."""
