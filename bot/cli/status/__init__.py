"""`communique status`: what is watched, what is failing, what is waiting."""
