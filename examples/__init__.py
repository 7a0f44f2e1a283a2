"""Worked examples: the code that wrote the data of the example models."""
