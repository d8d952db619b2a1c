"""What the embedded engines say when they cannot do what was asked."""


class EngineUnavailable(Exception):
    """An embedded engine cannot be used; the message is one line that says what to do next."""


class DataFolderRefused(EngineUnavailable):
    """The data folder is another program's, or another version's: it is left as it is."""
