"""What every room stands on: roles, sealed secrets, audit entries, correlation ids, engines."""
