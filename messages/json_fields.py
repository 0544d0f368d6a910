"""Read the fields of a JSON object (RFC 8259), and collect everything that is wrong with them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from domains.addresses import excerpt
from messages.letters.letter import FieldError, Problem
from messages.refusals import Refused

# So much of what is wrong is told; a body of megabytes could hold a million mistakes.
MAX_PROBLEMS = 50

Value = TypeVar("Value")


class JsonFields:
    """The fields of one object. null is as good as nothing, for some clients write all fields."""

    def __init__(self, values: dict[str, object], pointer: str = "") -> None:
        self.problems: list[Problem] = []
        self._values = values
        self._pointer = pointer

    def pointer(self, name: str) -> str:
        """Return where a field is (RFC 6901)."""
        return f"{self._pointer}/{name.replace('~', '~0').replace('/', '~1')}"

    def refuse(self, pointer: str, code: str, text: str) -> None:
        """Note one thing that is wrong."""
        self.problems.append(Problem(pointer, code, text))

    def names(self) -> Iterator[str]:
        """Walk through the names of all fields."""
        return iter(self._values)

    def has(self, name: str) -> bool:
        """Whether there is such a field, and not null."""
        return self._values.get(name) is not None

    def has_refused(self, name: str) -> bool:
        """Whether something is known to be wrong with a field."""
        pointer = self.pointer(name)
        return any(problem.pointer.startswith(pointer) for problem in self.problems)

    def refuse_others(self, known: Iterable[str]) -> None:
        """Note every field that is none of these: a slip of the pen would else go unseen."""
        unknown = (name for name in self._values if name not in known)
        for name in islice(unknown, MAX_PROBLEMS):
            self.refuse(self.pointer(name), "unknown", f"There is no field {excerpt(name)}")

    def settle(self) -> None:
        """Raise FieldError where anything was wrong."""
        if self.problems:
            raise FieldError(self.problems[:MAX_PROBLEMS])

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.refuse(self.pointer(name), "invalid", f"The field {name} must be a string")
        return None

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(self.pointer(name), "invalid", f"The field {name} must be true or false")
        return None

    def texts(self, name: str) -> str | list[str] | None:
        """Return a string, or an array of strings, as it is."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        if not isinstance(value, list):
            self.refuse(
                self.pointer(name), "invalid", "This must be a string or an array of strings"
            )
            return None
        for at, one in enumerate(value):
            if not isinstance(one, str):
                self.refuse(f"{self.pointer(name)}/{at}", "invalid", "This must be a string")
                return None
        return value

    def object(self, name: str) -> dict[str, object]:
        value = self._values.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.refuse(self.pointer(name), "invalid", f"The field {name} must be an object")
        return {}

    def objects(self, name: str, limit: int) -> Iterator["JsonFields"]:
        """Walk through an array of at most `limit` objects; what is wrong in them counts here."""
        values = self._values.get(name)
        if values is None:
            return
        if not isinstance(values, list) or len(values) > limit:
            text = f"The field {name} must be an array of at most {limit} objects"
            self.refuse(self.pointer(name), "invalid", text)
            return
        for at, value in enumerate(values):
            pointer = f"{self.pointer(name)}/{at}"
            if isinstance(value, dict):
                inner = JsonFields(value, pointer)
                yield inner
                self.problems += inner.problems
            else:
                self.refuse(pointer, "invalid", "This must be an object")

    def collect(self, read: Callable[[], Value]) -> Value | None:
        """Return what a reader of one field reads; note what it finds wrong, and return None."""
        try:
            return read()
        except FieldError as error:
            self.problems += error.problems
        except Refused as refused:
            self.refuse(refused.pointer, "invalid", refused.reply.text)
        return None
