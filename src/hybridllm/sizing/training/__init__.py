"""Memory of training: run settings, framework profiles, activations and the peak over a step."""
