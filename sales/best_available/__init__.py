"""The best seats that are left, side by side: docs/holds.md says what "best" means."""
