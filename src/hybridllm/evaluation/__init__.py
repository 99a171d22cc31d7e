"""Scoring on labelled sets.

Answers: how well does something work, with how much certainty?
Not here: what is scored, nor how results are shown (`cli`).
"""
