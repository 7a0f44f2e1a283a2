"""The base model: built tiny from a description, found on disk, or fetched from the Hub."""
