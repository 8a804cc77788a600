"""HTML pages, one module a journey; each parses, makes one domain call, renders."""
