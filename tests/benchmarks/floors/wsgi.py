"""The bare Django, for the product's own web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.floors.settings"

application = get_wsgi_application()
