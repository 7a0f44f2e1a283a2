"""What answers prompts: transformers, llama.cpp, or an endpoint, behind one small shape."""
