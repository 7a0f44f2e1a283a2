"""From GitHub to frozen facts: everything that is read, and nothing that is written."""
