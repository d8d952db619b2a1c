"""What every room stands on: roles, sealed secrets, staff audit entries, correlation ids, embedded engines."""
