"""Options that turn a method into another one, and that an audit therefore tries on their own."""

from paretune.spec import MethodEntry

VARIANTS = (
    MethodEntry(
        name="lora",
        label="lora, layer_replication",
        parameters={"layer_replication": [[0, 2], [1, 2]], "target_modules": ["q_proj", "v_proj"]},
    ),
)
