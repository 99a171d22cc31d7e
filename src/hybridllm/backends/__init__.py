"""Destinations of requests: cloud APIs, engines on the premises, models in this process."""
