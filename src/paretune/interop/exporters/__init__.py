"""Records in the layout of other people's tools."""

from paretune.interop.exporters.peft_comparison import Exports, export_peft_comparison

__all__ = ["Exports", "export_peft_comparison"]
