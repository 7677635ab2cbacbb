"""Events: a first statement and its copies, how each was recognised, and what a person corrected."""
