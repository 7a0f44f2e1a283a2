"""Everything that is installed beside `policy`, `runner` and `bot`; ARCHITECTURE.md is the tour."""
