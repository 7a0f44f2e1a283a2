"""The rules: contracts that people and machines write, and pure judgement over them.

Nothing here measures, talks to GitHub or reads a clock; imports are the standard library, pydantic
and yaml. That is what lets an auditor judge a year-old proposal again on a laptop.
"""
