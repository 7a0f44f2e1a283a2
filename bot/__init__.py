"""The room that acts: webhooks in, facts read afresh from GitHub, a pure decision, upserts out.

Nothing here trains, measures or judges by itself: the runner measures, `policy` judges. All state
is in git and on GitHub; the queue may be lost.
"""
