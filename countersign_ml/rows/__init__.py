"""Rows before training: read in one pass, gated and compared. No module here imports torch.

    read/        files of rows: sources, formats, schemas, tokens, and the strict reader of one row
    governed/    a governed model's folder, and rows outside git: manifests, DVC, the cache
    kept/        the figures that stay in memory for each row, and the searches over them
    gates/       one module per data gate: its reason, its remedy, and what it finds
    gating/      all gates over all files: the pass over the rows, here or on a cluster, the report
    detect/      personal data and secrets in text
    diff/        what changed between two states of the rows
    statistics/  lengths, shares and repetitions, as text and as a picture
    card/        the facts in a dataset card
    redaction/   a copy of the rows without personal data and secrets
    tools/       `countersign data`: the table of its commands, and validate, split and sample

`read.row` reads lines strictly, one by one, for the trainer. `gating.scan` reads them quickly, in
several processes or on a cluster, for the gates. A line that the quick way cannot prove correct is
read by the strict reader, so both give the same result for every line.
"""
