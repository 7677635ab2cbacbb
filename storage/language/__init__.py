"""PURE: how text is folded, asked for and matched; search and rules share it."""
