"""Loading without the progress bars of libraries."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_bars() -> Iterator[None]:
    """Silence the progress bars of transformers for as long as the block runs."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep what transformers remarks on keys and weights away from the person: what matters of it is checked here."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You passed `quantization_config`")  # of packed weights, the kernel
            yield
    finally:
        logging.set_verbosity(before)
