"""What operators do with `manage.py`."""
