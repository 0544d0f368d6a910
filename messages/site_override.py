"""What staff has decided about sites: limits in place of the shipped ones, or a pause."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from domains.addresses import AddressError, normalise_domain
from messages.shaping.limits import Limits


def _bound(help_text: str = "") -> models.PositiveIntegerField:
    """Return a field for one limit; empty means that nothing is decided."""
    return models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=help_text
    )


class SiteOverride(models.Model):
    """What staff has decided about the sites whose exchangers all lie under one name.

    It goes before the shipped limits; where several fit, the longest name decides.
    """

    suffix = models.CharField(
        "exchangers under", max_length=255, unique=True,
        help_text="A host name, or the end of host names: mx.example.net, or example.net for all "
        "below it. It holds for a site where all of its exchangers fit.",
    )  # fmt: skip
    connections = _bound("At a time to one site, of all workers together. Empty: as shipped.")
    connections_per_minute = _bound("New ones to one site.")
    messages_per_connection = _bound()
    messages_per_minute = _bound("To one site.")
    idle_seconds = _bound("That a connection may stand unused.")
    total_connections = _bound("At a time to all sites under this name together.")
    total_connections_per_minute = _bound("New ones to all of them together.")
    total_messages_per_minute = _bound("To all of them together.")
    suspended_until = models.DateTimeField(
        null=True, blank=True, help_text="Nothing is sent until then; mail waits."
    )
    note = models.CharField(max_length=200, blank=True, help_text="Why; shown with the site.")

    def __str__(self) -> str:
        return self.suffix

    @property
    def each(self) -> Limits:
        """The limits of one site."""
        return Limits(
            self.connections, self.connections_per_minute, self.messages_per_connection,
            self.messages_per_minute, self.idle_seconds,
        )  # fmt: skip

    @property
    def total(self) -> Limits:
        """The limits of all sites under the name together."""
        return Limits(
            self.total_connections, self.total_connections_per_minute, None,
            self.total_messages_per_minute,
        )  # fmt: skip

    def clean(self) -> None:
        """Write the name as DNS compares it. Raises ValidationError where it is none."""
        try:
            self.suffix = normalise_domain(self.suffix.strip().strip(".*"))
        except AddressError as error:
            raise ValidationError({"suffix": f"{error}."}) from error
