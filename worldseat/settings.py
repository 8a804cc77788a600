"""Settings, all from the environment; README.md has the table.

Nothing set means the embedded servers of worldseat.local.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django_stubs_ext
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from worldseat.environment import (
    env,
    env_bool,
    env_database,
    env_files,
    env_int,
    env_keys,
    env_limits,
    env_list,
    env_mail,
    env_networks,
    env_pairs,
    env_secret,
)
from worldseat.local import state as local_state
from worldseat.valkey import pool_options

BASE_DIR = Path(__file__).resolve().parent.parent

# Lets `ModelAdmin[Event]` and the like be written outside of annotations.
django_stubs_ext.monkeypatch()


# --- Where this process runs ---------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=False)
_local = local_state.read() or {}

REGIONS = env_list("WORLDSEAT_REGIONS", "us-east-1,us-east-2")
REGION = env("WORLDSEAT_REGION", REGIONS[0])
if REGION not in REGIONS:
    raise ImproperlyConfigured(
        f"WORLDSEAT_REGION={REGION!r} is not among WORLDSEAT_REGIONS ({', '.join(REGIONS)})."
    )

# --- Database: Aurora DSQL, or what stands in for it ---------------------------------------

# Port 9 ("discard") is where nothing listens: a command that needs the database then says
# so at once instead of finding somebody else's server.
_NOWHERE = "postgres://nobody@127.0.0.1:9/start-with-manage.py-local"
DATABASES = {
    "default": env_database(
        "DATABASE_URL",
        _local.get("regions", {}).get(REGION, _local).get("database_url", _NOWHERE),
    )
}
_options = DATABASES["default"]["OPTIONS"]
# A server on this machine stands in for the real one: secrets may be made up, HTTPS is off.
LOCAL = _options.get("hostaddr", DATABASES["default"]["HOST"]) in {"127.0.0.1", "::1", "localhost"}

_pool_size = env_int("DATABASE_POOL", 0)
if _pool_size:
    _options["pool"] = {"min_size": 0, "max_size": _pool_size, "timeout": 10}
    DATABASES["default"]["CONN_MAX_AGE"] = 0
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 50 * 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = env_bool("DATABASE_CHECKS", default=True)
# The PostgreSQL that stampedes run other ways to sell on, beside the product; None: the default
# database, where that is a PostgreSQL.
_ours = "" if env("DATABASE_URL") else _local.get("postgres_url", "")
_foils = env("WORLDSEAT_FOIL_DATABASE_URL", _ours)
FOIL_DATABASE = env_database("WORLDSEAT_FOIL_DATABASE_URL", _foils) if _foils else None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Valkey (or Redis): broker and cache ---------------------------------------------------

REDIS_URL = env("REDIS_URL", _local.get("redis_url", "redis://127.0.0.1:9/0"))
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "worldseat",
        # What has another way (availability, charts) goes it rather than wait.
        "OPTIONS": {
            "CONNECTION_POOL_KWARGS": pool_options(REDIS_URL, connect_seconds=1, seconds=2)
        },
    }
}
# The same, for what is only quicker with it: without Valkey it is empty, and no page fails.
CACHES["optional"] = {
    **CACHES["default"],
    "BACKEND": "worldseat.cache.OptionalCache",
    "OPTIONS": {**CACHES["default"]["OPTIONS"], "IGNORE_EXCEPTIONS": True},
}
SESSION_CACHE_ALIAS = "optional"
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "worldseat"
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # How long a request that queues something waits for a broker that does not answer: one try
    # and another. Workers wait as long as it takes.
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "connect_retries_timeout": 1,
    "max_retries": 1,
    "interval_start": 0.2,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
# For `celery beat`; two at once do no harm. Tidying may also never run; payments and refunds that
# a request left behind wait until theirs does.
CELERY_BEAT_SCHEDULE = {
    "tidy-holds": {"task": "sales.tidy_holds", "schedule": 60.0},
    "offer-what-came-back": {"task": "sales.offer_what_came_back", "schedule": 10.0},
    "settle-payments": {"task": "sales.settle_payments", "schedule": 15.0},
    "complete-refunds": {"task": "sales.complete_refunds", "schedule": 60.0},
    "refund-late-orders": {"task": "sales.refund_late_orders", "schedule": 60.0},
    # What a request has told a worker already is looked for all the same.
    "drain-outbox": {"task": "sales.drain_outbox", "schedule": 5.0, "options": {"expires": 5}},
    "deliver-webhooks": {
        "task": "sales.deliver_webhooks",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "send-mails": {"task": "sales.send_mails", "schedule": 5.0, "options": {"expires": 5}},
    "tidy-outbox": {"task": "sales.tidy_outbox", "schedule": 600.0, "options": {"expires": 60}},
    "resume-bulk-jobs": {"task": "sales.resume_bulk_jobs", "schedule": 15.0},
}

# --- Applications --------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # for allauth's pages
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "unfold.apps.BasicAppConfig",
    "worldseat.apps.WorldSeatAdminConfig",
    "worldseat.apps.WorldSeatConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts",
    "sales",
]

MIDDLEWARE = [
    "worldseat.api.timing.ServerTimingMiddleware",
    "worldseat.edge.scope",
    "django.middleware.security.SecurityMiddleware",
    "worldseat.edge.ContentPolicy",
    "worldseat.edge.admin_policy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Answers plain purchases: what comes after it is for pages, and for all else of the API.
    "sales.api.lean.plain_purchases",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "worldseat.limits.LimitsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.edge.TwoFactorMiddleware",
    "worldseat.busy.BusyMiddleware",
]

ROOT_URLCONF = "worldseat.urls"
WSGI_APPLICATION = "worldseat.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "worldseat.pages.region",
            ]
        },
    }
]

# --- Accounts ------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
# django-allauth: its pages are drawn by templates/account, templates/mfa and templates/allauth.
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"  # to buy; docs/accounts.md says what needs it
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
MFA_ADAPTER = "accounts.adapters.TwoFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "WorldSeat"
MFA_TOTP_TOLERANCE = 1  # a code is good half a minute longer: clocks differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "sales:event-list"
LOGOUT_REDIRECT_URL = "sales:event-list"
# Sessions are read on every page: the cache spares the database's round trip.
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- The admin's look ----------------------------------------------------------------------

# django-unfold: the site's name and mark, and its green (static/worldseat/style.css) in the place
# of purple. The sidebar is worldseat.admin_navigation's.
UNFOLD = {
    "SITE_TITLE": "WorldSeat",
    "SITE_HEADER": "WorldSeat",
    "SITE_SUBHEADER": "Organisers' admin",
    "SITE_SYMBOL": "event_seat",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("worldseat/icon.svg"),
        }
    ],
    "STYLES": [lambda request: static("worldseat/admin.css")],
    "COLORS": {
        "primary": {
            "50": "#f0fdfa",
            "100": "#d8efeb",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#2dd4bf",
            "600": "#0f766e",
            "700": "#0d6b64",
            "800": "#115e59",
            "900": "#134e4a",
            "950": "#042f2e",
        }
    },
}

# --- Security ------------------------------------------------------------------------------

SECRET_KEY = env_secret("SECRET_KEY", _local.get("secret_key"), may_be_made_up=DEBUG or LOCAL)
# Earlier ones, the newest first: what they signed and sealed is still good.
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
# The first signs tickets; all of them are known at the door (docs/tickets.md).
TICKET_KEYS = env_keys("TICKET_KEYS", SECRET_KEY, may_be_made_up=DEBUG or LOCAL)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
HTTPS_ONLY = env_bool("HTTPS_ONLY", default=not (DEBUG or LOCAL))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
_behind_proxy = env_bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _behind_proxy else None
# How many entries at the end of X-Forwarded-For are ours: see worldseat.addresses.
TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 1, least=1) if _behind_proxy else 0
# Whose address the limits on trying passwords count by.
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "worldseat.pages.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],  # the admin draws small icons so
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
    # The API's documentation page is Swagger's, with scripts and styles inside.
    "EXCLUDE_URL_PREFIXES": ["/api/v1/docs/"],
}
# What the admin's pages need beside: Alpine, which unfold's pages are written for, makes functions
# of the expressions in their markup ('unsafe-eval'), and its theme is a <style> element. No script
# inside a page runs there either.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- Limits --------------------------------------------------------------------------------

THROTTLING = env_bool("THROTTLING", default=True)
# Name -> how many requests in how many seconds; docs/operating.md says whose.
THROTTLES = {
    "browse": (600, 60),
    "browse-address": (3000, 60),
    "sell": (60, 60),
    "sell-address": (1200, 60),
    "organise": (1200, 60),
    "organise-address": (3000, 60),
    "login": (10, 300),
    "login-address": (120, 300),
    "login-account": (100, 3600),
    "register": (60, 3600),
    "unknown": (60, 60),
}
THROTTLES |= env_limits("THROTTLES", THROTTLES)
# How many requests of one process may browse at once; 0: all. Fewer than it has threads, so that
# one who buys finds a thread free.
BROWSING_AT_ONCE = env_int("BROWSING_AT_ONCE", 0)

# --- E-mail --------------------------------------------------------------------------------

# On one machine: files beside everything else that the embedded servers keep.
_mail_folder = f"file://{quote(str(local_state.directory() / 'mail'))}"
_mail = env_mail("EMAIL_URL", _mail_folder if LOCAL else "smtp://localhost:25")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _mail.get("EMAIL_FILE_PATH")
EMAIL_HOST = _mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20
EMAIL_SUBJECT_PREFIX = ""
_site = next((host for host in ALLOWED_HOSTS if host.strip("*.")), "localhost").lstrip(".")
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", f"WorldSeat <tickets@{_site}>")
# Where links in e-mails lead; empty on one machine: to the web server that runs there.
SITE_URL = env("SITE_URL", "" if LOCAL else f"https://{_site}").rstrip("/")

# --- Webhooks ------------------------------------------------------------------------------

# Networks that are not public and yet may be told; where there is one, http:// is allowed too.
WEBHOOK_PRIVATE_NETWORKS = env_networks("WEBHOOK_PRIVATE_NETWORKS")

# --- Payments ------------------------------------------------------------------------------

# Name -> class: see sales.payments. The test provider takes no money.
PAYMENT_PROVIDERS = {"box_office": "sales.payments.box_office.BoxOffice"}
if env_bool("TEST_PAYMENTS", default=DEBUG or LOCAL):
    PAYMENT_PROVIDERS["test"] = "sales.payments.scripted.TestProvider"
PAYMENT_PROVIDERS |= env_pairs("PAYMENT_PROVIDERS")

# --- Times, languages, files ---------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# More fonts for the PDFs of tickets: names in scripts that FiraGO lacks, such as Chinese.
TICKET_FONTS = env_files("TICKET_FONTS")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / ".worldseat" / "static"
STATICFILES_FINDERS = ["worldseat.static_files.AppFilesFinder"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "worldseat.static_files.StaticFilesStorage"},
}

# --- Sales ---------------------------------------------------------------------------------

# Whether the plain purchase over the API takes two round trips to the database (sales.lean) or the
# naive way, which does the same.
LEAN_PURCHASES = env_bool("LEAN_PURCHASES", default=True)

# --- REST API ------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.GuestAuthentication",
        "accounts.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["worldseat.api.parsing.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "worldseat.api.parsing.ContentNegotiation",
    "DEFAULT_PAGINATION_CLASS": "worldseat.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "worldseat.api.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": timedelta(days=30)}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "WorldSeat",
    "DESCRIPTION": "One seat, one fan. Money is in minor units, times are UTC.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "worldseat.api.schema_hooks.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "TicketState": "sales.models.TicketState",
        "HoldState": "sales.models.HoldState",
        "EventState": "sales.models.EventState",
        "JobState": "sales.models.JobState",
    },
}

# --- Logs ----------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # Says where it found credentials, for each client it makes.
        "botocore": {"level": "WARNING"},
        # Says what it did to a font, for each PDF.
        "fontTools": {"level": "WARNING"},
    },
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO").upper()},
}
