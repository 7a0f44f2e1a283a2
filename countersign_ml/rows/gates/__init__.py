"""The data gates, a module each: what it looks for, why, and what to do about it."""
