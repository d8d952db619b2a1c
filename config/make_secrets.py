"""`python3 config/make_secrets.py [FOLDER]`: makes the secrets of a deployment, each in a file of its own.

It needs nothing but Python, and never touches a file that is there.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

FOLDER = "secrets"


def made() -> dict[str, str]:
    """Return fresh secrets by the names of their files."""
    password = secrets.token_hex(24)  # letters and digits: it becomes part of a URL
    return {
        "postgres_password": password,
        "database_url": f"postgres://tradecounter:{password}@postgres:5432/tradecounter",
        "secret_key": secrets.token_urlsafe(64),
        "cursor_keys": _key(),
        "sealing_keys": _key(),
        "metrics_token": secrets.token_urlsafe(32),
    }


def _key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def main(folder: Path) -> str:
    """Write what is missing; return a line that tells what was done."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = made()
    if any((folder / name).exists() for name in fresh):
        missing = [name for name in fresh if not (folder / name).exists()]
        if not missing:
            return f"All secrets are in {folder} already; none was changed."
        return f"{folder} holds some secrets and lacks {', '.join(missing)}: make these by hand."
    for name, value in fresh.items():
        path = folder / name
        path.write_text(value + "\n")
        path.chmod(0o444)  # the user of the container reads it; the folder keeps others out
    return f"Made {len(fresh)} secrets in {folder}. Keep a copy of sealing_keys and cursor_keys elsewhere."


if __name__ == "__main__":
    sys.stdout.write(main(Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)) + "\n")
