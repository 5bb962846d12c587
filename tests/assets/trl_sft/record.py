"""Records what TRL's SFTTrainer makes of a few conversations, for tests/engine/test_trl.py.

    pip install trl datasets
    python tests/assets/trl_sft/record.py

Writes batches.json anew: token ids, labels and loss of the trainer with assistant_only_loss, on the toy model.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset

from paretune.models.toy import toy_model, toy_tokenizer

FILE = Path(__file__).with_name("batches.json")


def main() -> None:
    """Run the trainer's data processing and its loss over the conversations that the file holds."""
    kept: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    tokenizer, model = toy_tokenizer(), toy_model()
    tokenizer.chat_template = kept["chat_template"]
    conversations = [messages for batch in kept["batches"] for messages in batch["messages"]]
    with tempfile.TemporaryDirectory() as folder:
        how: dict[str, Any] = {"max_length": 512, "report_to": [], "use_cpu": True, "bf16": False}
        settings = trl.SFTConfig(folder, assistant_only_loss=True, **how)
        rows = Dataset.from_list([{"messages": messages} for messages in conversations])
        trainer = trl.SFTTrainer(model, settings, train_dataset=rows, processing_class=tokenizer)
        model.eval()
        batches, start = [], 0
        for batch in kept["batches"]:
            size = len(batch["messages"])
            made = trainer.data_collator([trainer.train_dataset[start + place] for place in range(size)])
            with torch.no_grad():
                loss = trainer.compute_loss(model, dict(made)).item()
            tensors = {name: made[name].tolist() for name in ("input_ids", "attention_mask", "labels")}
            batches.append({"messages": batch["messages"], **tensors, "loss": loss})
            start += size
    made_with = {"trl": trl.__version__, "transformers": transformers.__version__, "torch": torch.__version__}
    FILE.write_text(json.dumps({**kept, "made_with": made_with, "batches": batches}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
