"""Engines answer prompts: transformers, llama.cpp or an endpoint, behind one small interface."""
