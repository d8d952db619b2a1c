"""Django settings, read from the environment; `.env.example` names every variable."""

from datetime import timedelta
from pathlib import Path

from django.templatetags.static import static

from config import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

env.read_file(BASE_DIR / ".env")

DATABASE_URL = env.given("DATABASE_URL")
_DATABASE = env.database("DATABASE_URL")
# Without a DATABASE_URL the checkout runs on engines and secrets of its own, on loopback.
EMBEDDED = not _DATABASE

# Run by a person on this machine: http on loopback, static files from the packages, readable logs.
LOCAL = env.flag("LOCAL", default=EMBEDDED)
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.secret(
    "SECRET_KEY",
    is_local=EMBEDDED,
    example="$(python3 -c 'import secrets; print(secrets.token_urlsafe(64))')",
)
ALLOWED_HOSTS = env.several("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if LOCAL else [])
if not ALLOWED_HOSTS:
    env.refuse("ALLOWED_HOSTS", "is missing", example="tradecounter.example")
CURSOR_KEYS = env.fernet_keys("CURSOR_KEYS", is_local=EMBEDDED)
SEALING_KEYS = env.fernet_keys("SEALING_KEYS", is_local=EMBEDDED)

# How shops reach us: their webhooks deliver to addresses below it.
PUBLIC_URL = env.address(
    "PUBLIC_URL",
    f"http://127.0.0.1:{env.given('PORT') or '8000'}" if LOCAL else f"https://{ALLOWED_HOSTS[0]}",
    schemes=("https", "http"),
    example="https://tradecounter.example",
).rstrip("/")

INSTALLED_APPS = [
    "groundwork",  # first: its `migrate` runs as the owner role
    "catalog_mirror",
    "customers",
    "pricing",
    "apikeys",
    "contract",
    "sync",
    "outbound_hooks",
    "portal",
    "demo",
    "config",
    "unfold.apps.BasicAppConfig",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "groundwork.correlation.CorrelationMiddleware",
    "groundwork.metrics.MetricsMiddleware",
    "groundwork.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "contract.shortcut.PartnerShortcut",
    "portal.staff_door.StaffDoor",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.zones.ZoneMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
            ],
        },
    },
]

# groundwork.postgres asks the embedded engines for address and password when there is no URL.
DATABASES = {
    "default": {
        **(_DATABASE or {"NAME": "tradecounter"}),
        "ENGINE": "groundwork.postgres",
        "CONN_MAX_AGE": None,
    }
}
# Through a pooler that lends a connection for a transaction only: for web processes, see docs/operations.
DATABASE_POOLED = env.flag("DATABASE_POOLED", default=False)
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLED
# Partners may be read for from a standby; keys, limits, the log and all writing stay on the primary.
_REPLICA = env.database("DATABASE_REPLICA_URL")
if _REPLICA:
    DATABASES["replica"] = {
        **_REPLICA,
        "ENGINE": "groundwork.postgres",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"connect_timeout": 1},
        "TEST": {"MIRROR": "default"},
    }
# How old the oldest change may be that the standby lacks; beyond it the primary is read.
REPLICA_LAG = timedelta(seconds=env.number("REPLICA_LAG_SECONDS", 5, least=1, most=300))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_CONNECT_TIMEOUT = 5  # seconds; a database that does not answer is an error, not a wait

REDIS_URL = env.address(
    "REDIS_URL",
    "" if LOCAL else None,
    schemes=("redis", "rediss", "unix", "sentinel"),
    example="redis://:password@redis.example:6379/0",
)
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # its lines are written as ours are, without secrets
# A killed worker's task comes back after 10 s with these, after 104 s without (measured).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    # Who sends a task says at once that the broker is away, instead of trying for six seconds.
    "max_retries": 0,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}
# A queue of their own, so that no sweep, which may take an hour, stands before what a shop just told.
CELERY_TASK_ROUTES = {
    f"sync.tasks.{name}": {"queue": "hooks"} for name in ("follow_events", "wake_sources")
}
# What each finds in the database decides what is done, so a tick too many does nothing.
CELERY_BEAT_SCHEDULE = {
    **{
        name.replace("_", " "): {
            "task": f"apikeys.tasks.{name}",
            "schedule": every,
            "options": {"expires": every},
        }
        for name, every in (
            ("sum_up_usage", 300.0),
            ("watch_keys", 60.0),
            ("tell_expiries", 600.0),
            ("keep_log_months", 3600.0),
        )
    },
    **{
        name.replace("_", " "): {
            "task": f"portal.tasks.{name}",
            "schedule": every,
            "options": {"expires": every},
        }
        for name, every in (
            ("tell_applicants", 60.0),
            ("note_first_calls", 60.0),
            ("sum_up_figures", 300.0),
        )
    },
    # Not at the end of a migration: what it writes takes revisions, and must find the whole of the tables.
    "make sandbox": {
        "task": "contract.tasks.make_sandbox",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "watch": {"task": "portal.tasks.watch", "schedule": 30.0, "options": {"expires": 30}},
    "sweeps": {"task": "sync.tasks.tick", "schedule": 30.0, "options": {"expires": 30}},
    "wake sources": {"task": "sync.tasks.wake_sources", "schedule": 5.0, "options": {"expires": 5}},
    "forget old corrections": {
        "task": "sync.tasks.forget_old_corrections",
        "schedule": timedelta(hours=24),
        "options": {"expires": 3600},
    },
    "prune history": {
        "task": "catalog_mirror.tasks.prune_history",
        "schedule": timedelta(hours=24),
        "options": {"expires": 3600},
    },
    "purge events": {
        "task": "sync.tasks.purge_events",
        "schedule": timedelta(hours=24),
        "options": {"expires": 3600},
    },
}

# Deliveries of a source in any window beyond which more are refused. A shop was seen to send 31 a second
# at the most; it does not try again, so what is refused waits for a sweep.
HOOK_WINDOW = timedelta(seconds=10)
HOOK_EVENTS_PER_WINDOW = env.number("HOOK_EVENTS_PER_10_SECONDS", 2_000, least=1)
# Webhooks to partners go over https to public addresses. True lets them go over http and to this machine
# too: for a trial on one machine, never for a deployment.
WEBHOOKS_TO_THIS_MACHINE = env.flag("WEBHOOKS_TO_THIS_MACHINE", default=False)
# From this share of a customer's view on, and 500 items, one webhook tells of all changes together.
WEBHOOK_BULK_SHARE = env.share("WEBHOOK_BULK_SHARE", 0.1)
HOOK_EVENTS_KEPT = timedelta(days=env.number("HOOK_EVENTS_KEPT_DAYS", 14, least=1))
HOOK_REFUSALS_KEPT = timedelta(days=90)

# For how long a cursor of `/v1/changes` is good, and a price or a visibility can be explained. Rules are
# kept for ever; what is deleted is the past of variants.
HISTORY_KEPT = timedelta(days=env.number("HISTORY_KEPT_DAYS", 90, least=1))
# Whole months of the request log; older ones are detached, and wait for `manage.py log_partitions`.
REQUEST_LOG_KEPT_MONTHS = env.number("REQUEST_LOG_KEPT_MONTHS", 13, least=1)
# Within a day: from so many uses of an unknown or revoked key, or of a key outside its networks, and from
# so many networks that a key was never seen in, a person is told.
SUSPICIOUS_USES = env.number("SUSPICIOUS_USES", 20, least=1)
NEW_NETWORKS = env.number("NEW_NETWORKS", 5, least=1)

# Notices go to customers' contacts, or where there is none to these. The console shows them by default.
STAFF_EMAILS = env.several("STAFF_EMAILS", [])
DEFAULT_FROM_EMAIL = env.given("DEFAULT_FROM_EMAIL") or "tradecounter@localhost"
EMAIL_HOST = env.given("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", 587, least=1, most=65_535)
EMAIL_HOST_USER = env.given("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.given("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=bool(EMAIL_HOST))
EMAIL_TIMEOUT = 10  # seconds
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# What is promised of our own work; where it is missed an alarm opens, and closes by itself.
LEVEL_STOCK_LAG = timedelta(seconds=env.number("LEVEL_STOCK_LAG_SECONDS", 300, least=1))
LEVEL_DELIVERY_LAG = timedelta(seconds=env.number("LEVEL_DELIVERY_LAG_SECONDS", 60, least=1))
LEVEL_ERROR_SHARE = env.share("LEVEL_ERROR_SHARE", 0.01)
LEVEL_SWEEP_OVERDUE = timedelta(hours=env.number("LEVEL_SWEEP_OVERDUE_HOURS", 36, least=1))
# Where alarms are posted as JSON, beside the mail to STAFF_EMAILS.
STAFF_WEBHOOK_URL = env.address(
    "STAFF_WEBHOOK_URL", "", schemes=("https", "http"), example="https://chat.example/hooks/..."
)
# What a scraper must send as a bearer token; without one a deployment shows no metrics.
METRICS_TOKEN = env.given("METRICS_TOKEN")
# The one folder that feeds with an address `file:NAME` are read from; empty for none.
FEED_FOLDER = env.given("FEED_FOLDER")

# Days for which what a sweep corrected can be looked up.
DRIFT_KEPT_DAYS = env.number("DRIFT_KEPT_DAYS", 180, least=1)

# Whether staff come in with a second factor only. Who has set one up is asked for it in any case.
STAFF_TWO_FACTOR = env.flag("STAFF_TWO_FACTOR", default=False)
OTP_TOTP_ISSUER = "Tradecounter"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = None if LOCAL else BASE_DIR / "staticfiles"
# In a checkout the admin's files are served from the packages; a deployment collects them.
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = LOCAL  # looked for when they are asked for, not all of them at each start
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# A deployment speaks TLS; the embedded checkout listens on loopback only.
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=not LOCAL)
# A shop takes a redirect for success and sends its delivery nowhere else; a delivery is signed.
# What looks after us asks over the network of the machines, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^hooks/", r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
if env.flag("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_ENGINE = "groundwork.sessions"
# A day's work; a session that a browser forgot ends with it.
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = (
    "Lax"  # a link in a mail leads to the page, signed in
)
if SECURE_SSL_REDIRECT:  # the prefix binds a cookie to TLS, to this host and to the whole of it
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
X_FRAME_OPTIONS = "DENY"

# Where the staff site is, and from which networks; from anywhere where none is named.
STAFF_PATH = env.path("STAFF_PATH", "admin")
STAFF_NETWORKS = env.networks("STAFF_NETWORKS")

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OWN = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# By the beginning of a path, the first that fits.
CONTENT_SECURITY_POLICIES = (
    ("/v1/", _NOTHING),
    # Alpine, with which Unfold is written, evaluates; goods' pictures lie with the shops.
    (
        f"/{STAFF_PATH}",
        (
            "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data: https:{' http:' if LOCAL else ''}; object-src 'none'; {_OWN}"
        ),
    ),
    # The reference draws itself: styles of its own, and a worker that searches.
    (
        "/docs/reference",
        (
            f"{_NOTHING}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; worker-src blob:"
        ),
    ),
    ("/", f"default-src 'none'; style-src 'self'; img-src 'self'; {_OWN}"),
)

# How many proxies in front are ours: that many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)
# Whether the log and all that is counted hold pseudonyms in place of callers' addresses.
HASH_ADDRESSES = env.flag("HASH_ADDRESSES", default=False)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tradecounter",
    "VERSION": "1",
    "DESCRIPTION": "A customer's own view of the catalogue: products, stock, prices, changes.",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["contract.openapi.finished"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/v1",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "bearerFormat": "tc_live_..."}
        }
    },
    "SECURITY": [{"key": []}],
}

UNFOLD = {
    "SITE_TITLE": "Tradecounter",
    "SITE_HEADER": "Tradecounter",
    # Blue of Tailwind's palette: the theme's own violet is too faint on the dark background.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        }
    },
    "STYLES": [lambda _request: static("portal/portal.css")],
    "SCRIPTS": [
        lambda _request: static("portal/zone.js"),
        lambda _request: static("portal/names.js"),
    ],
}

LOGGING_CONFIG = "groundwork.logs.configure"
LOGGING = {
    "level": env.text(
        "LOG_LEVEL", "INFO", example="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    ),
    "json": not (LOCAL or DEBUG),
}
