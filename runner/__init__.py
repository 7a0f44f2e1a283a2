"""The runner measures a proposal and writes its evidence; it judges nothing. Only it uses torch.

`line` is the script: validate, train, export, evaluate, publish, attest. `run` collects what each
stage finds, `job` says what a run is about, and `workspace` skips a stage with unchanged inputs.
`reuse` replaces the line if only the live version changed; `recover` measures a rollback's target.

`base/` finds or builds the base model, `training/` trains the adapter, `export/` writes the file
that ships, `engines/` answer prompts, `measure/` scores and compares answers, `win_rate/` asks a
judge model. `importing/`, `hosted/`, `endpoints/` and `compare/` are separate commands, and `tell/`
prints. `runner_commands` maps subcommands to all of this.
"""
