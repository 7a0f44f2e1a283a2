"""The same gates over more rows than one machine reads: parts, an exchange of keys, and one merge.

Four stages, each a number of tasks that know nothing of each other and meet in one folder: `cut`
(a task for each file), `look` (for each shard), `keep` (for each partition of the keys) and `merge`
(one). The gates are those of `rows.gating.all_gates`; this folder only moves figures about.
"""
