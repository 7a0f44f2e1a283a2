"""A model behind an endpoint with OpenAI's API: asked and scored, but never evidence."""
