"""The example model's text: support tickets in eight industries, generated from a seed.

No customer wrote any of it. The sentences were written by hand (`wordings/`, `lexicon.yml`), and
`tickets.py` combines them. `labelled_rows.py` makes the labelled data set from them, and
`base_text.py` the text that the tiny base model is trained on.
"""
