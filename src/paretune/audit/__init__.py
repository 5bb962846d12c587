"""Does a method do what it claims? Checks on small models, and what they found.

Importing this package imports no torch.
"""

from paretune.audit.run import audit_methods, everything

__all__ = ["audit_methods", "everything"]
