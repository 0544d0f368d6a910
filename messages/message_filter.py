"""Which messages a page is asked for: the search box and the chips, as they stand in the URL."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from accounts.message_class import BY_NAME
from events.models import Kind
from messages.models import State

DAY = len("2026-11-22")
CLASSES = [("", "any"), *((name, name) for name in BY_NAME)]


class Moment(forms.DateTimeField):
    """A time of the reader's zone, or in ISO 8601 with its own; `is_end`: a day is meant whole."""

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self._is_end = is_end

    def to_python(self, value: Any) -> Any:
        moment = super().to_python(value)
        if moment and self._is_end and len(value.strip()) == DAY:
            return moment + timedelta(days=1)
        return moment


class FilterForm(forms.Form):
    """All that a list of messages can be asked for. `asked` is what `search.find` takes."""

    query = forms.CharField(required=False, max_length=200, label="Search")
    state = forms.ChoiceField(
        required=False, choices=[("", "any"), *((one.value, one.value) for one in State)]
    )
    event = forms.ChoiceField(required=False, choices=[("", "any"), *Kind.choices])
    tag = forms.CharField(required=False, max_length=64)
    domain = forms.CharField(required=False, max_length=253, label="Sender's domain")
    since = Moment(label="From")
    until = Moment(label="Until", is_end=True)
    before = forms.UUIDField(required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        # A word of Python's own cannot be declared above.
        self.fields["class"] = forms.ChoiceField(required=False, choices=CLASSES)

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since >= until:
            raise ValidationError("The time must begin before it ends.")

    @property
    def asked(self) -> dict[str, Any]:
        """What is to be found, without what was left open."""
        values = {name: value for name, value in self.cleaned_data.items() if value}
        values.pop("before", None)
        if name := values.pop("class", ""):
            values["priority"] = name
        return values

    def shown(self, name: str) -> str:
        """Return a time as a field of the page shows it: by the reader's clock."""
        moment = self.cleaned_data.get(name) if self.is_bound and self.is_valid() else None
        return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M:%S}" if moment else ""

    @property
    def parameters(self) -> dict[str, str]:
        """The filter as the URL has it, without the place in the list."""
        given = {name: self.data.get(name, "").strip() for name in self.fields if name != "before"}
        return {name: value for name, value in given.items() if value}

    def address(self, **changes: str) -> str:
        """Return the relative URL of the same filter with changes; "" takes something out."""
        merged = self.parameters | changes
        return f"?{urlencode({name: value for name, value in merged.items() if value})}"


@dataclass(frozen=True, slots=True)
class Applied:
    """One part of the filter that is in force, and where it is taken out."""

    word: str
    value: str
    without: str


def applied(form: FilterForm) -> Iterator[Applied]:
    """Yield each part that is in force, but for what stands in the search box."""
    for name, value in form.parameters.items():
        if name != "query":
            word = str(form.fields[name].label or name).lower()
            is_time = name in ("since", "until")
            shown = form.shown(name).replace("T", " ") if is_time else value
            yield Applied(word, shown, form.address(**{name: ""}))
