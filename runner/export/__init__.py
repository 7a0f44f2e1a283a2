"""The file that ships: written, quantised, read back, and held against the trained model."""
