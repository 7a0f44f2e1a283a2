"""What people read. Everything here is pure: from the state of a model to Markdown or SVG.

Start with `comment`, the one comment of a pull request: verdict first, then the figures, then who
has to sign, then the details in folds. It puts these parts together:

- `verdict_tree`: findings as a nested list, and the words for their outcomes;
- `figures` and `moved_slices`: metrics with their change and interval, and the groups that moved;
- `data_change` and `data_gate_table`: what changed in the rows, and what the data gates found;
- `drift_table`, `example_rows`, `attempt_table` and `spot_check_table`: further evidence as tables;
- `spending`: time and money, next to what was expected.

`check` shows the same verdict as the required check, with annotations at the rows. `explain`
answers `/explain` with it. `model_card` is what a release commits next to the pointer, with the
report of `pilot`, the words of the author (`author_words`) and the pictures of `charts`. `letters`
and `incidents` are the issues and pull requests that the bot opens.

Text from rows, models and people passes `countersign_ml.markdown` before it gets into any of these.
"""
