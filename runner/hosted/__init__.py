"""Training at OpenAI: its file and its job; nothing is sent without `--live`."""
