"""The file that ships: written, quantised, read back, and compared with the trained model."""
