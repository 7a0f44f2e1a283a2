"""The whole loop on one machine: people, a forge, the bot, a runner and a served model.

Only GitHub is a stand-in. Git, webhooks, workflow files, training and llama.cpp are real. Each step
states a fact and checks it; the first fact that is not true ends the demo. A wait lasts as long as
something advances (`waiting.py`).
"""
