"""The gate: what must pass before anything lands, as `make test` and `.ci/run` run it.

Lint first, then the tests in two stages, one after the other: `plain`, in parallel, and `apart`,
one at a time: tests that start processes, browsers or servers, which another one's load may
disturb. A test that failed is run once more; what then passed is named in the last lines and
written into tests/flaky.md.
"""
