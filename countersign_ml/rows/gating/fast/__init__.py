"""The fast lane: plain rows of large files, read by compiled loops over their bytes.

It takes only lines about which it is certain and leaves every other one to `batch` and the strict
reader, and whatever it doubts is read again by them: so its findings are theirs, and the tests hold
the two against each other. It needs numba (`countersign-ml[fast]`) and pays from some ten thousand
rows on, for loading the loops takes a second, and compiling them, once, some more.
"""
