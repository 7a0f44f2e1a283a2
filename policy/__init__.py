"""The rules: documents that people and machines write, and pure judgement over them.

- `files/`   what people write: policy.yml, recipe, contract, dataset card, manifest, CODEOWNERS
- `facts/`   what machines record: evidence, pointer, proposal, attempts, spot-check samples
- `gates/`   evidence and policy in, findings out; start at `gates/judge.py`
- `people/`  who may sign and who has signed; start at `people/sign_off.py`
- `schemas/` JSON Schemas for editors, written by `editor_schemas.py`, the only module with I/O
- `verdict.py` has outcomes and findings, `documents.py` reads YAML and JSON, `errors.py` has the
  errors that people can fix, `governed.py` the governed paths, `policy_sentences.py` the shared
  wording.

Nothing else here reads files, the network or a clock, and it imports only the standard library,
pydantic and yaml. So an auditor can judge a year-old proposal again on a laptop.
"""
