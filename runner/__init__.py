"""The runner measures: it validates, trains, evaluates and exports, and judges nothing.

One module per stage and one command per stage. It is the only room that knows torch.
"""
