"""Settings of the bare Django: the product's tables, no middleware to speak of, its own views."""

from worldseat.settings import *  # noqa: F403 - all of them, and then less

# allauth does not start without its own.
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
ROOT_URLCONF = "tests.benchmarks.floors.bare"
WSGI_APPLICATION = "tests.benchmarks.floors.wsgi.application"
