"""Pages for who organises: one module a journey; see `access` for who may see what."""
