"""Settings of the bare Django: the product's tables, no middleware, its own two views."""

from worldseat.settings import *  # noqa: F403 - all of them, and then less

MIDDLEWARE = []
ROOT_URLCONF = "tests.benchmarks.floors.bare"
WSGI_APPLICATION = "tests.benchmarks.floors.wsgi.application"
