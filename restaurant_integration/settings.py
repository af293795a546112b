"""Settings, all from the environment. ``.env.example`` lists every name; a test compares the two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from orders.secret_files import kept_secret
from providers.registry import ADAPTERS
from restaurant_integration.environment import env, secret

BASE_DIR = Path(__file__).resolve().parent.parent

# -- what the deployer says ------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
ROLE = env.str("ROLE", default="platform")
if ROLE not in {"platform", "hub"}:
    raise ImproperlyConfigured("ROLE is platform or hub.")
# Both on one machine: a port and a directory of its own for each.
STAGING = env.bool("STAGING", default=False)
"""An installation for trials: every credential means the providers' staging, and every order is a test."""
PORT = env.int("PORT", default=3002 if ROLE == "hub" else 3001)
DATA_DIR = Path(env.str("DATA_DIR", default="var/hub" if ROLE == "hub" else "var"))
DATA_DIR = DATA_DIR if DATA_DIR.is_absolute() else BASE_DIR / DATA_DIR
DATABASE_URL = secret("DATABASE_URL")
REDIS_URL = secret("REDIS_URL")
EMBEDDED = not DATABASE_URL
"""One process on SQLite, with keys of its own under DATA_DIR; a database of the deployer's wants keys of the deployer's."""

SECRET_KEY = secret("SECRET_KEY")
CREDENTIAL_ENCRYPTION_KEYS = [key for key in secret("CREDENTIAL_ENCRYPTION_KEY").replace(" ", "").split(",") if key]
if EMBEDDED:
    SECRET_KEY = SECRET_KEY or kept_secret(DATA_DIR / "secret_key")
    CREDENTIAL_ENCRYPTION_KEYS = CREDENTIAL_ENCRYPTION_KEYS or [kept_secret(DATA_DIR / "credential_key")]
for _name, _set in (("SECRET_KEY", SECRET_KEY), ("CREDENTIAL_ENCRYPTION_KEY", CREDENTIAL_ENCRYPTION_KEYS)):
    if not _set:
        raise ImproperlyConfigured(
            f"Set {_name} (or {_name}_FILE): a deployment with DATABASE_URL makes no keys of its own."
        )

APP_BASE_URL = env.str("APP_BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
_app_url = urlsplit(APP_BASE_URL)
if _app_url.scheme not in {"http", "https"} or not _app_url.hostname:
    raise ImproperlyConfigured("APP_BASE_URL is an address such as https://orders.example.com.")
_is_https = _app_url.scheme == "https"
_local_names = ["localhost", "127.0.0.1", "[::1]"]
_is_local = _app_url.hostname in {"localhost", "127.0.0.1", "::1"}

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or [_app_url.hostname, *(_local_names if _is_local else [])]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[]) or ([APP_BASE_URL] if _is_https else [])
SOCKET_ORIGINS = [APP_BASE_URL, *CSRF_TRUSTED_ORIGINS] + (
    [f"http://{name}:{port}" for name in _local_names for port in {PORT, _app_url.port or 80}] if _is_local else []
)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
"""Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""

NEXARA_BASE_URL = env.str("NEXARA_BASE_URL", default="http://localhost:3002").rstrip("/")
NEXARA_TIMEOUT_MS = env.int("NEXARA_TIMEOUT", default=30_000)
NEXARA_MAX_RETRIES = env.int("NEXARA_MAX_RETRIES", default=3)
NEXARA_API_KEY = secret("NEXARA_API_KEY")
"""Ours at NEXARA; at the hub the one that platforms have to show."""
OUTBOUND_ALLOWED_ORIGINS = env.list("OUTBOUND_ALLOWED_ORIGINS", default=[])
SANDBOX_ENABLED = env.bool("SANDBOX_ENABLED", default=False)
"""The process plays the providers as well, under /sandbox/: only where somebody says so; `make run` on SQLite does."""
SANDBOX_VIA_HUB = env.bool("SANDBOX_VIA_HUB", default=False)
"""The played providers send to NEXARA, as real ones do that a hub stands before, and not to us."""
if SANDBOX_ENABLED and ROLE == "platform":
    OUTBOUND_ALLOWED_ORIGINS = [*OUTBOUND_ALLOWED_ORIGINS, f"{_app_url.scheme}://{_app_url.netloc}"]

PROVIDER_ENABLED = {slug: env.bool(f"{slug.upper()}_ENABLED", default=True) for slug in ADAPTERS}
PROVIDER_FALLBACK_SECRETS = {slug: secret(f"{slug.upper()}_WEBHOOK_SECRET") for slug in ADAPTERS}
"""The hub dialect's secret of each provider where a company has none of its own."""
SANDBOX_AUTH_URLS = {"deliveroo": env.str("DELIVEROO_SANDBOX_AUTH_URL", default="")}
"""Where a provider's own sandbox gives tokens, which it does not publish."""
ACCEPT_WITHIN_S = {"careem": env.int("CAREEM_ACCEPT_MINUTES", default=10) * 60}
"""Acceptance deadlines that the provider does not publish; the others are facts of their adapters."""

WEBHOOK_VALIDATE_SIGNATURE = env.bool("WEBHOOK_VALIDATE_SIGNATURE", default=True)
if not WEBHOOK_VALIDATE_SIGNATURE and not DEBUG:
    raise ImproperlyConfigured("WEBHOOK_VALIDATE_SIGNATURE=false is for development: it needs DEBUG=true.")
WEBHOOK_RATE_LIMIT = env.str("WEBHOOK_RATE_LIMIT", default="6000/60")
WEBHOOK_MAX_BYTES = 1024 * 1024
WEBHOOK_PLACES = env.int("WEBHOOK_PLACES", default=2 if EMBEDDED else 8)
"""How many deliveries a process works at once. SQLite has one writer at a time: more would only stand in each other's way."""
if WEBHOOK_PLACES < 1:
    raise ImproperlyConfigured("WEBHOOK_PLACES is how many deliveries a process works at once: at least 1.")
WEBHOOK_QUEUE = env.int("WEBHOOK_QUEUE", default=60 if EMBEDDED else 10)
"""How many may wait for a place before the next is only stored."""
LOG_WEBHOOKS = env.bool("LOG_WEBHOOKS", default=True)
LOG_WEBHOOK_FAILURES = env.bool("LOG_WEBHOOK_FAILURES", default=True)
WEBHOOK_LOG_RETENTION_DAYS = env.int("WEBHOOK_LOG_RETENTION_DAYS", default=30)
PERSONAL_DATA_RETENTION_DAYS = env.int("PERSONAL_DATA_RETENTION_DAYS", default=365)
"""After so many days a finished order forgets whose it was; 0 keeps it for ever."""
HEALTH_HISTORY_DAYS = env.int("HEALTH_HISTORY_DAYS", default=30)
API_RATE_LIMIT_PER_MINUTE = 600
DASHBOARD_CACHE = env.bool("DASHBOARD_CACHE", default=True)
"""Open dashboards share what was counted, ask in batches, and the hub is asked once a minute; off, to measure what it saves."""

METRICS_TOKEN = secret("METRICS_TOKEN")
METRICS_ALLOWED_NETWORKS = env.list("METRICS_ALLOWED_NETWORKS", default=[])
"""Who may read /metrics without the token. With neither of the two there is no such page."""
PROBE_TOKEN = secret("PROBE_TOKEN")
"""What probes show to report what they saw from another place; without it there is no such page."""
METRICS_TOP_COMPANIES = env.int("METRICS_TOP_COMPANIES", default=20)
"""So many companies have figures of their own there; a label for each of thousands would be too much for Prometheus."""

# -- Django ----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "orders",
    "integration",
]
if "runserver" in sys.argv[1:2]:
    # Its runserver serves the sockets as well. Nothing else needs the app, and with it comes all of Twisted.
    INSTALLED_APPS.insert(0, "daphne")
MIDDLEWARE = [
    "orders.middleware.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "orders.security.headers.AnswerHeaders",
    "csp.middleware.CSPMiddleware",
    "orders.middleware.ApiPathMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "orders.middleware.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "orders.security.sessions.SlidingSession",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "restaurant_integration.urls"
ASGI_APPLICATION = "restaurant_integration.asgi.application"
WSGI_APPLICATION = "restaurant_integration.wsgi.application"
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
                "orders.access.page_context",
                "orders.preferences.looks",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "orders.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "orders:stream"
LOGOUT_REDIRECT_URL = "sign-in"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LANGUAGE_COOKIE_NAME = "language"
FORMAT_MODULE_PATH = ["restaurant_integration.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
APPEND_SLASH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = WEBHOOK_MAX_BYTES

# -- the database: every limit on the webhook path adds up to less than five seconds -----------------------------------

SERVES_REQUESTS = env.bool("SERVES_REQUESTS", default=False)
"""Set by the server processes: they wait for nothing long. Commands and migrations may."""
if EMBEDDED:
    DATABASES: dict[str, Any] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "OPTIONS": {
                # Without IMMEDIATE two read-then-write transactions deadlock at once, whatever the timeout.
                "transaction_mode": "IMMEDIATE",
                "timeout": 4,
                # FULL: a committed order survives a power cut, not only a crash of the process.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    }
else:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    # As it is: in an address it would have to be quoted.
    DATABASES["default"]["PASSWORD"] = secret("DATABASE_PASSWORD") or DATABASES["default"].get("PASSWORD", "")
    if "postgresql" in DATABASES["default"]["ENGINE"]:
        _limits = (
            "-c statement_timeout=2000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000"
            if SERVES_REQUESTS
            else "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
        )
        DATABASES["default"]["OPTIONS"] = {
            **DATABASES["default"].get("OPTIONS", {}),
            "connect_timeout": 1 if SERVES_REQUESTS else 5,
            "options": _limits,
            # What is asked again and again (orders/compiled.py) is planned once for each connection.
            "prepare_threshold": 5,
            # A server whose machine is gone sends no goodbye: give its connections up within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
        }
        DATABASES["default"]["CONN_MAX_AGE"] = 0
        if SERVES_REQUESTS:
            from restaurant_integration.postgres.base import BoundedConnection

            DATABASES["default"]["ENGINE"] = "restaurant_integration.postgres"
            # For threads that come and go. A worker's child has one connection, and Celery makes pools anew for every task.
            DATABASES["default"]["OPTIONS"]["pool"] = {
                "connection_class": BoundedConnection,
                "min_size": 1,
                "max_size": env.int("DATABASE_POOL_SIZE", default=24),
                "timeout": 1.5,
                # Reconnecting is given up soon and begun anew: the pool's own pauses grow to minutes.
                "reconnect_timeout": 2,
            }

# -- mail: for alerts alone --------------------------------------------------------------------------------------------

EMAIL_HOST = env.str("EMAIL_HOST", default="")
"""Empty: no mail is sent, and an e-mail channel says so."""
EMAIL_PORT = env.int("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env.str("EMAIL_USER", default="")
EMAIL_HOST_PASSWORD = secret("EMAIL_PASSWORD")
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_USE_TLS = env.bool("EMAIL_TLS", default=True) and not EMAIL_USE_SSL
EMAIL_TIMEOUT = 8
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="") or f"alerts@{_app_url.hostname}"

# -- Redis, Channels, Celery: hints. Everything works, only slower, without them ---------------------------------------

if REDIS_URL:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            # redis-py 8 closes an idle subscription after 5 s unless it is told to wait longer.
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2, "socket_timeout": 30}]},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "visibility_timeout": 300,
        "socket_connect_timeout": 0.25 if SERVES_REQUESTS else 1,
        "socket_timeout": 0.25 if SERVES_REQUESTS else 15,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    if REDIS_URL
    else {"polling_interval": 0.02}
)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# -- the API -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orders.authentication.TokenAuthentication",
        "orders.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["orders.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["orders.authentication.CallsPerMinute"],
    "DEFAULT_SCHEMA_CLASS": "integration.schema.Schema",
    "EXCEPTION_HANDLER": "orders.errors.exception_handler",
    "DEFAULT_METADATA_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "STRICT_JSON": True,
}
KNOX_TOKEN_MODEL = "orders.ApiToken"  # noqa: S105 — the name of a model
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token", "TOKEN_MODEL": KNOX_TOKEN_MODEL}
MIGRATION_MODULES = {"knox": None}
"""Its migrations would make a table for its own token model beside ours, and one that a flush of the database trips over."""
SPECTACULAR_SETTINGS = {
    "TITLE": "Restaurant integration",
    "DESCRIPTION": "Orders of Careem, Talabat, Deliveroo and Jahez, directly or through NEXARA.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api",
    # Fields of one name and another set of words, and sets of words under several names.
    "ENUM_NAME_OVERRIDES": {
        "OrderStatusEnum": "orders.api.shapes.STATUSES",
        "OrderFrameEnum": ["order_created", "order_updated", "order_cancelled", "order_delivered"],
        "ChartPeriodEnum": "orders.charts.PERIODS",
        "PeriodEnum": ["hour", "day", "week", "month"],
        "DeliveryStatusEnum": "integration.models.WebhookStatus",
        "PushStatusEnum": "integration.models.PushStatus",
        "WebhookAnswerEnum": "integration.schema.ANSWERS",
        "DeliverySourceEnum": ["webhook", "reconciliation", "test"],
        "HealthStatusEnum": ["healthy", "degraded", "unhealthy"],
        "AlertSeverityEnum": "integration.models.Alert.Severity",
        "AlertChannelKindEnum": "integration.models.AlertChannel.Kind",
        "AlertNoticeKindEnum": "integration.models.AlertNotice.Kind",
        "AlertNoticeStatusEnum": "integration.models.NoticeStatus",
        "StepOutcomeEnum": "integration.connectivity.OUTCOMES",
        "FailureStatusEnum": "integration.worklist.WAITING_FOR_PERSON",
    },
}

# -- safety ------------------------------------------------------------------------------------------------------------

FERNET_KEYS = CREDENTIAL_ENCRYPTION_KEYS
# A browser keeps cookies by host alone: both roles on one machine would sign each other out.
SESSION_COOKIE_NAME = "hub_sessionid" if ROLE == "hub" else "sessionid"
SESSION_COOKIE_AGE = 12 * 3600
"""After the last use: a long shift. Closing the browser ends nothing, so that a tablet may restart in the rush."""
SESSION_GREATEST_AGE_S = 7 * 24 * 3600
"""After the sign-in, however busy the session was."""
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # our own pages read it to send the header
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_SSL_REDIRECT = _is_https
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        # A policy cannot name an IPv6 address; there the page's own origin stands for its socket too.
        "connect-src": [SELF, *(o.replace("http", "ws", 1) for o in SOCKET_ORIGINS if "[" not in o)],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# -- logs: to standard error, with no body, secret or personal data ----------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "orders.logs.TextFormatter", "fmt": "%(asctime)s %(levelname)-7s %(name)s %(message)s"},
        "json": {"()": "orders.logs.JsonFormatter"},
    },
    "filters": {"redact": {"()": "orders.logs.RedactingFilter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "formatter": "json" if LOG_FORMAT == "json" else "text",
            "filters": ["redact"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in ("providers", "orders", "integration", "restaurant_integration")},
        "django": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        # A refused webhook or a page that is not there is counted elsewhere and is no error of ours.
        "django.request": {"level": "ERROR"},
        # Somebody else's host name is answered 400; a traceback for each would let anybody fill the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        # Says a traceback a second while Redis is away; the sockets' own feed says once that it is.
        "channels_redis": {"level": "CRITICAL"},
    },
}
