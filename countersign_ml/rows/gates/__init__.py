"""The data gates, one module each: what the gate looks for, why, and how to fix what it finds."""
