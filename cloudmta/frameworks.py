"""What Django and its libraries are told, the same on every installation."""

from csp.constants import NONE, SELF

# --- Django ---------------------------------------------------------------------------------------

DEBUG = False
X_FRAME_OPTIONS = "DENY"
# Only what we serve ourselves, nothing inline. Bootstrap draws its arrows and ticks by data:.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "accounts",
    "domains",
    "events",
    "messages.apps.MailConfig",
    "cloudmta.apps.CloudMTAConfig",
    "cloudmta.apps.HouseAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "accounts.database.LimitMiddleware",
    "cloudmta.health.HealthMiddleware",
    "cloudmta.api_paths.ApiPathMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.views.TimeZoneMiddleware",
    "accounts.looking.LookMiddleware",
]
ROOT_URLCONF = "cloudmta.urls"
WSGI_APPLICATION = "cloudmta.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "log-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "log-in"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People: django-allauth -----------------------------------------------------------------------

ACCOUNT_ADAPTER = "accounts.signing_up.Adapter"
ACCOUNT_FORMS = {
    "login": "accounts.people_forms.LogInForm",
    "signup": "accounts.people_forms.SignUpForm",
    "reset_password": "accounts.people_forms.ResetForm",
    "reset_password_from_key": "accounts.people_forms.NewPasswordForm",
    "change_password": "accounts.people_forms.ChangePasswordForm",
    "add_email": "accounts.people_forms.EmailForm",
    "reauthenticate": "accounts.people_forms.PasswordAgainForm",
}
MFA_FORMS = {
    "authenticate": "accounts.people_forms.CodeForm",
    "reauthenticate": "accounts.people_forms.CodeAgainForm",
    "activate_totp": "accounts.people_forms.FirstCodeForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up, nowhere else
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900  # seconds that a password counts as just given
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # of this browser; the others are logged out
MFA_ADAPTER = "accounts.signing_up.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True

# --- The REST door --------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.rest.authentication.SecretAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],  # AccountView knows scopes
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.rest.strict_json.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "accounts.rest.schema.ApiSchema",
    "EXCEPTION_HANDLER": "accounts.rest.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CloudMTA",
    "DESCRIPTION": "Send transactional mail, and see what became of it.",
    "VERSION": "0.1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api/v0\.1/\{name\}",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    # It would ask a server elsewhere whether our schema is valid.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "KindEnum": "events.models.Kind",
        "SentStateEnum": ["queued", "scheduled", "test"],
        "RecipientStateEnum": "messages.schemas.RECIPIENT_STATES",
        "StateEnum": "messages.models.State",
        "DomainStateEnum": "domains.states.State",
    },
}
