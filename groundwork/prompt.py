"""Who is at the prompt."""

import getpass


def operator() -> str:
    """Return who is at the prompt, for the audit."""
    try:
        return f"{getpass.getuser()} at the prompt"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "someone at the prompt"
