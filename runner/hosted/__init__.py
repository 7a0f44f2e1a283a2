"""Training at OpenAI: its file and its job, dry unless somebody says live."""
