"""A judge model: two versions' answers compared in both orders, every failure counted."""
