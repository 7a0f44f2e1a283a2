"""The example model's text: support tickets in eight industries, written by rule from a seed.

Nothing here was said by a customer. The sentences were written by hand (`wordings/`,
`lexicon.yml`) and are put together by `tickets`; `rows` makes the labelled data set of them,
`corpus` the text that the tiny base model is trained on.
"""
