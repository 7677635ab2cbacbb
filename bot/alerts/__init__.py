"""Matched -> delivered: decide, plan, render, send, settle."""
