"""The load: a client as cheap as Python allows, in a process of its own."""
