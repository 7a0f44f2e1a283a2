"""Prove, from a clone alone, how every version came to be live: evidence, verdict, signatures.

Nothing here asks GitHub. What git does not tell stands in the sign-off records, which the bot
signed; what is missing or does not match is reported, never passed over.
"""
