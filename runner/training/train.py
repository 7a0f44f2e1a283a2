"""Train the adapter that a recipe describes; the same inputs give the same bytes.

transformers' Trainer with our own labels (see `chat`). The order of rows is fixed beforehand, so a
run that was killed and resumed trains on the same batches as an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from countersign_ml.pace import Pace, Progress
from countersign_ml.registry.file_digest import digest_file
from policy.errors import UserError
from policy.facts.evidence import TrainingFacts
from policy.facts.run_context import LossPoint, thinned
from policy.files.recipe import Recipe
from runner.base.base_model import BaseModel
from runner.chat import MASKED, Chat, Encoded
from runner.training.adapter import load_with_adapter, precision, save_adapter, use_gpu
from runner.training.token_rows import TokenRows
from runner.training.tracking import RunName, open_tracking
from runner.training.training_order import steps_of, training_order

SHOWN_ROWS = 3
LOGGED_POINTS = 500


def train_adapter(
    recipe: Recipe,
    base: BaseModel,
    chat: Chat,
    rows: TokenRows,
    folder: Path,
    name: RunName,
    progress: Progress,
) -> TrainingFacts:
    """Train into `folder/adapter`, resuming from a checkpoint below `folder` if there is one."""
    from transformers import set_seed

    started = time.monotonic()
    _be_deterministic()
    set_seed(recipe.seed)  # before the adapter's first weights are drawn
    model = load_with_adapter(recipe, base)
    batch = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    steps = steps_of(len(rows), batch, recipe.num_train_epochs, recipe.max_steps)
    order = training_order(rows.lengths.tolist(), batch, steps, recipe.seed)
    try_longest(model, rows, recipe.per_device_train_batch_size, chat.pad_id)
    tracking = open_tracking(name, folder, recipe.model_dump(mode="json"))
    failed = True
    try:
        trainer = _trainer(model, recipe, rows, order, steps, chat, folder, name, progress)
        trainer.train(resume_from_checkpoint=last_checkpoint(folder))
        failed = False
    finally:
        if tracking is not None:
            tracking.close(failed=failed)
    (folder / "metrics.json").write_text(json.dumps(trainer.state.log_history, indent=1) + "\n")
    weights = save_adapter(trainer.model, folder / "adapter", recipe)
    trainable, total = trainer.model.get_nb_trainable_parameters()
    return TrainingFacts(
        base_weights=base.digest,
        base_revision=base.revision,
        steps=steps,
        epochs=round(steps * batch / len(rows), 4),
        trainable_parameters=trainable,
        total_parameters=total,
        device=_device(),
        precision=f"{precision()}{', nf4 base' if recipe.adapter == 'qlora' else ''}",
        seconds=round(time.monotonic() - started, 3),
        peak_memory_bytes=_peak_memory(),
        seed=recipe.seed,
        adapter=digest_file(weights)[0],
        tracking="" if tracking is None else tracking.place,
        **_row_facts(rows, chat),
        **_loss_facts(trainer.state.log_history),
    )


def _row_facts(rows: TokenRows, chat: Chat) -> dict[str, Any]:
    return {
        "dataset": rows.dataset,
        "rows": len(rows),
        "rows_truncated": len(rows.truncated),
        "rows_without_trained_tokens": rows.without_tokens,
        "stop_token_trained": rows.stop_trained,
        "trained_tokens": int(rows.records["trained"].sum()),
        "total_tokens": len(rows.ids),
        "rendered_rows": tuple(
            chat.rendered(rows[number]) for number in range(min(SHOWN_ROWS, len(rows)))
        ),
    }


def _loss_facts(log: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the first loss, the mean of the last twentieth of the logged losses, and the curve."""
    logged = [entry for entry in log if "loss" in entry]
    points = tuple(LossPoint(step=int(each["step"]), loss=float(each["loss"])) for each in logged)
    last = [point.loss for point in points[-max(1, len(points) // 20) :]]
    return {
        "first_loss": points[0].loss,
        "final_loss": math.fsum(last) / len(last),
        "loss_curve": thinned(points),
    }


class Collator:
    """Pads rows of ids and labels to one batch, on the right; padding is never trained on."""

    def __init__(self, pad_id: int) -> None:
        self._pad = pad_id

    def __call__(self, rows: Sequence[Encoded]) -> dict[str, Any]:
        """Return input_ids, attention_mask and labels, each of (rows, longest)."""
        import torch

        size = (len(rows), max(len(row.ids) for row in rows))
        ids = torch.full(size, self._pad)
        labels = torch.full(size, MASKED)
        mask = torch.zeros(size, dtype=torch.int64)
        for at, row in enumerate(rows):
            count = len(row.ids)
            ids[at, :count] = torch.from_numpy(row.ids.astype(np.int64))
            labels[at, row.masked : count] = ids[at, row.masked : count]
            mask[at, :count] = 1
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


class InOrder(Sequence[Encoded]):
    """The rows in the order of training, each read from the files when a batch needs it."""

    def __init__(self, rows: TokenRows, order: Sequence[int]) -> None:
        self._rows, self._order = rows, np.array(order, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: Any) -> Any:
        """Return the row at one place in the order."""
        return self._rows[int(self._order[place])]


def _trainer(
    model: Any,
    recipe: Recipe,
    rows: TokenRows,
    order: Sequence[int],
    steps: int,
    chat: Chat,
    folder: Path,
    name: RunName,
    progress: Progress,
) -> Any:
    from torch.utils.data import SequentialSampler
    from transformers import Trainer
    from transformers.trainer_callback import PrinterCallback

    class Unshuffled(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            dataset: Any = train_dataset or self.train_dataset
            return SequentialSampler(dataset)

    trainer = Unshuffled(
        model=model,
        args=_arguments(recipe, steps, folder, name),
        train_dataset=InOrder(rows, order),
        data_collator=Collator(chat.pad_id),
        callbacks=[_watch(steps, progress)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _watch(steps: int, progress: Progress) -> Any:
    """Return a callback that reports progress, and stops at a loss that is not a number."""
    from transformers import TrainerCallback

    pace = Pace("training", "steps")

    class Watch(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            if not math.isfinite(float(loss)):
                raise UserError.one(
                    "recipe.yml learning_rate",
                    f"the loss is not a number at step {state.global_step}",
                    "lower learning_rate, or raise warmup_steps",
                )
            text, share = pace.at(state.global_step, state.global_step / steps)
            progress(f"{text}, loss {float(loss):.3f}", share)

    return Watch()


def _arguments(recipe: Recipe, steps: int, folder: Path, name: RunName) -> Any:
    from transformers import TrainingArguments

    warmup = recipe.warmup_steps
    scheduler = recipe.lr_scheduler_type
    if scheduler == "constant" and warmup:
        scheduler = "constant_with_warmup"  # type: ignore[assignment]
    return TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        run_name=name.name,
        max_steps=steps,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=scheduler,
        warmup_steps=warmup if warmup < 1 else int(warmup),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        **_checkpointing(recipe),
        optim="adamw_torch",
        save_strategy="steps",
        save_steps=recipe.save_steps,
        save_total_limit=1,
        logging_steps=max(1, steps // LOGGED_POINTS),
        logging_first_step=True,
        logging_nan_inf_filter=False,
        seed=recipe.seed,
        bf16=precision() == "bf16",
        use_cpu=not use_gpu(),
        dataloader_pin_memory=use_gpu(),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=_report_to(),
    )


def _checkpointing(recipe: Recipe) -> dict[str, Any]:
    """Return the setting that trades compute for memory; transformers 5.20 renamed it."""
    from transformers import TrainingArguments

    if not recipe.gradient_checkpointing:
        return {}
    known = {field.name for field in fields(TrainingArguments)}
    name = "activation_checkpointing"
    return {name if name in known else "gradient_checkpointing": True}


def _report_to() -> list[str]:
    return [] if os.environ.get("WANDB_MODE") == "disabled" else ["wandb"]


def last_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint; the trainer's state is written last."""
    whole = [state.parent for state in folder.glob("checkpoints/checkpoint-*/trainer_state.json")]
    newest = max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    return None if newest is None else str(newest)


def try_longest(model: Any, rows: TokenRows, batch: int, pad_id: int) -> None:
    """Run the largest batch first, forward and backward: memory runs out now or never."""
    import torch

    longest = [rows[int(row)] for row in np.argsort(-rows.lengths, kind="stable")[:batch]]
    given = {key: value.to(model.device) for key, value in Collator(pad_id)(longest).items()}
    devices = [0] if use_gpu() else []
    try:
        with (
            torch.random.fork_rng(devices=devices),
            torch.autocast("cuda", torch.bfloat16, enabled=precision() == "bf16"),
        ):
            model.train()
            model(**given, use_cache=False).loss.backward()
    except torch.OutOfMemoryError as error:
        said = str(error).partition(".")[0]
        raise UserError.one(
            "recipe.yml per_device_train_batch_size",
            f"the longest batch ({len(longest)} rows of {len(longest[0].ids)} tokens) does not fit "
            f"in memory: {said}",
            "lower it and raise gradient_accumulation_steps, or set gradient_checkpointing: true",
        ) from error
    finally:
        model.zero_grad(set_to_none=True)


def _be_deterministic() -> None:
    """Request deterministic sums; CUDA warns about what it cannot guarantee."""
    import torch

    if use_gpu():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.cuda.reset_peak_memory_stats()


def _device() -> str:
    import torch

    return (
        str(torch.cuda.get_device_name(0))
        if use_gpu()
        else f"cpu, {torch.get_num_threads()} threads"
    )


def _peak_memory() -> int:
    """Return the most memory used: the GPU's, else this process's resident set."""
    import torch

    if use_gpu():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
