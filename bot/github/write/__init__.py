"""From actions to GitHub: read, compare, write; never repeat a write whose answer was unclear."""
