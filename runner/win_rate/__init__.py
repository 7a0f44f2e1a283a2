"""Two versions' answers compared by a judge model in both orders; every failure is counted."""
