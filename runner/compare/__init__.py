"""`countersign compare`: two files of scored rows, by the rule of every gate."""
