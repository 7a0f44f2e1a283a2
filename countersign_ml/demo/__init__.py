"""The whole loop on one machine: people, a forge, the bot, a runner and a served model.

Everything is real but the place: git, webhooks, workflow files, training, llama.cpp. Each step
states a fact and checks it; the first fact that does not hold ends the demo.
"""
