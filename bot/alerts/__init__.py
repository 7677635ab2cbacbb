"""Stored -> delivered: decide, plan, render, send, settle."""
