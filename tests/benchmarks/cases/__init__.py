"""The cases, each a module with `run(stage, found, rounds)`: what is measured, and its bars."""
