"""Rows before training: read in one pass, gated, compared; nothing here knows torch.

`rows` is what a trainer reads, strict and one at a time; `scan` is what the gates read, fast and in
several processes. A line that the fast way cannot vouch for is read by the strict one, so both say
the same of every line.
"""
