"""Search: the index proposes, the evaluator decides; counts."""
