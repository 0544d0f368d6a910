"""Read settings from the environment; a wrong value stops the start and says what was expected."""

import os
import secrets
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def text(name: str, default: str) -> str:
    """Return a setting as text; unset or empty gives the default."""
    return env.str(name, default="").strip() or default


def flag(name: str, default: bool) -> bool:
    """Return a setting as true or false; any other word stops the start."""
    value = text(name, str(default)).lower()
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def choice(name: str, values: tuple[str, ...]) -> str:
    """Return a setting that is one of some words; the first is the default."""
    value = text(name, values[0])
    if value not in values:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(values)}, not {value!r}.")
    return value


def integer(name: str, default: int, minimum: int = 0, maximum: int = 2**31 - 1) -> int:
    """Return a setting as a whole number within bounds."""
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must lie in {minimum} to {maximum}, not {number}.")
    return number


def number(name: str, default: float, minimum: float, maximum: float) -> float:
    """Return a setting as a number within bounds."""
    value = text(name, str(default))
    try:
        found = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if not minimum <= found <= maximum:
        raise ImproperlyConfigured(f"{name} must lie in {minimum} to {maximum}, not {found}.")
    return found


def http_url(name: str) -> str:
    """Return a setting as the address of an HTTP service, "" where it is unset."""
    value = text(name, "")
    if value and not value.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{name} must begin with http:// or https://, not {value!r}.")
    return value


def host_and_port(name: str) -> str:
    """Return a setting as host:port, "" where it is unset."""
    value = text(name, "")
    host, _, number = value.rpartition(":")
    if value and not (host and number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise ImproperlyConfigured(f"{name} must have the form host:port, not {value!r}.")
    return value


def port(name: str, default: int) -> int:
    """Return a setting as a TCP or UDP port."""
    return integer(name, default, minimum=1, maximum=65535)


def words(name: str, default: str) -> list[str]:
    """Return a setting as a list; the values are separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def integers(name: str, default: str) -> list[int]:
    """Return a setting as a list of whole numbers, none negative."""
    try:
        numbers = [int(word) for word in words(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be whole numbers separated by commas.") from None
    if not numbers or min(numbers) < 0:
        raise ImproperlyConfigured(f"{name} needs at least one number, and none below zero.")
    return numbers


def database(name: str, default: str, seconds: int) -> dict[str, object]:
    """Return a setting as the address of a PostgreSQL, in the form of Django.

    So many seconds it may take to connect to it, and to see that its machine is gone.
    """
    value = text(name, default)
    if not value.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL: postgres://…")
    config: dict[str, Any] = env.db_url_config(value)
    bounds = {
        "connect_timeout": seconds, "tcp_user_timeout": seconds * 1000,
        "keepalives_idle": seconds, "keepalives_interval": 5, "keepalives_count": 3,
    }  # fmt: skip
    # What the address itself says goes before.
    return config | {"OPTIONS": bounds | config.get("OPTIONS", {})}


def redis(name: str, default: str) -> str:
    """Return a setting as the address of a Redis."""
    value = text(name, default)
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(f"{name} must begin with redis://, rediss:// or unix://.")
    return value


def secret(name: str, development_file: Path | None) -> str:
    """Return a secret; in development it is made once and kept in a file that only we can read."""
    value = text(name, "")
    if value:
        return value
    if development_file is None:
        raise ImproperlyConfigured(f"{name} must be set: 50 or more random characters.")
    try:
        return _kept_secret(development_file)
    except OSError as error:
        raise _unwritable("VAR_DIR", development_file.parent, error) from None


def directory(name: str, default: Path, *, make: bool) -> Path:
    """Return a setting as a directory, made where it is missing and that is asked for."""
    path = Path(text(name, str(default)))
    try:
        if make:
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(name, path, error) from None
    return path


def _unwritable(name: str, path: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{name} must be a directory that we may write to, not {path} ({error.strerror})."
    )


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48))
    try:
        # link() fails where the file is there already: of two first starts one wins, whole.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
