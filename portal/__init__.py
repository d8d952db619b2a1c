"""The staff site: home, customer pages, view-as, onboarding review."""
