"""The same gates over more rows than one machine reads: parts, an exchange of keys, and one merge.

Four stages, each a number of tasks that know nothing of each other and meet in one folder: `cut`
(a task for each file), `look` (for each shard), `keep` (for each partition of the keys) and `merge`
(one). The gates are those of `dataset.gating`; here stands only what moves figures about.
"""
