"""Running a training step on fake tensors, as an accelerator would run it, without weights and without one."""
