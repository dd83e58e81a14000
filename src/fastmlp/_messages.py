"""What fastmlp says: to stdout, or through ``logging`` once interactive logging is off."""

from __future__ import annotations

import sys

_interactive = True


def enable_interactive_logging() -> None:
    """Print messages and progress to stdout, as at the start."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Send messages and progress to ``logging.getLogger("fastmlp")`` at level INFO instead of
    stdout; there is no live bar then.

    Examples
    --------
    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether messages and progress go to stdout."""
    return _interactive


def print_message(message: str, line_break: bool = True) -> None:
    """Print a message, at once, or log it; nothing where there is no stdout, as in a Windows
    program without a console."""
    if not _interactive:
        import logging  # here, as few programs want it and all would wait for it

        logging.getLogger("fastmlp").info(message)
        return
    if sys.stdout is None:
        return
    text = message + "\n" if line_break else message
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:  # a terminal that cannot show the bar's glyphs
        encoding = sys.stdout.encoding or "utf-8"
        plain = text.replace("━", "=").encode(encoding, errors="ignore")
        sys.stdout.write(plain.decode(encoding))
    sys.stdout.flush()
