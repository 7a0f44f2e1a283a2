"""A model behind an endpoint that speaks OpenAI's API: asked, and scored; never evidence."""
