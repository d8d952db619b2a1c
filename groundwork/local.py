"""The data folder of a checkout that runs on its own engines, and the secrets kept in it."""

import os
from pathlib import Path

from cryptography.fernet import Fernet

CHECKOUT = Path(__file__).resolve().parent.parent


class DataFolderUnusable(Exception):
    """The data folder cannot be made or written; the message is one line that says what to do."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The data folder cannot be used ({error}): set TRADECOUNTER_DATA to another folder, "
            "or DATABASE_URL and REDIS_URL to use a database and Redis of your own."
        )


def data_folder() -> Path:
    """Return the folder of the embedded engines, created private to its owner."""
    folder = Path(os.environ.get("TRADECOUNTER_DATA") or CHECKOUT / ".data").resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderUnusable(error) from error
    return folder


def local_secret(name: str) -> str:
    """Return this checkout's own random key called `name`; the first caller makes it."""
    path = data_folder() / f"{name}.secret"
    try:
        descriptor = os.open(path.with_suffix(f".{os.getpid()}"), os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as fresh:
            fresh.write(Fernet.generate_key())
        # A link fails where the name is taken, so all processes that start at once agree on one key.
        os.link(path.with_suffix(f".{os.getpid()}"), path)
    except FileExistsError:
        pass
    except OSError as error:
        raise DataFolderUnusable(error) from error
    finally:
        path.with_suffix(f".{os.getpid()}").unlink(missing_ok=True)
    return path.read_text()
