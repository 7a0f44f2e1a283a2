"""A labelled set for personal data and secrets, made without a look at the detectors' patterns.

Values come from Faker's locales, from python-stdnum's own examples and sums, from the numbering
plans' example numbers and from the issuers' published formats; look-alikes stand beside them.
"""
