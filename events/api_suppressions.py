"""The suppression list over REST: look, put on, take off."""

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest import pages
from accounts.rest.problems import Problem
from accounts.rest.views import AccountView
from domains.addresses import AddressError
from events import suppressions
from events.models import Suppression
from events.serializers import (
    NewSuppressions,
    PutSchema,
    SuppressionPage,
    SuppressionQuery,
    SuppressionSchema,
    represent,
)
from events.suppressions import ComplaintStays, Entry


class SuppressionView(AccountView):
    """Looks for what is on the account's list at this moment."""

    @property
    def suppressions(self) -> QuerySet[Suppression]:
        return Suppression.objects.filter(suppressions.live(self.account))

    def find(self, address: str) -> Suppression:
        try:
            found = self.suppressions.filter(address=suppressions.normal_form(address)).first()
        except AddressError:
            found = None
        if found is None:
            raise Http404
        return found


class SuppressionList(SuppressionView):
    """The list of an account, and the way to put addresses on it."""

    scopes = {"GET": Scope.READ, "POST": Scope.ADMIN}

    @extend_schema(
        operation_id="list_suppressions",
        tags=["Suppressions"],
        parameters=[SuppressionQuery],
        responses=SuppressionPage,
    )
    def get(self, request: Request, name: str) -> Response:
        """List the addresses that nothing is sent to, newest first; expired ones are gone."""
        asked = SuppressionQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = self.suppressions
        if reason := asked.validated_data.get("reason"):
            found = found.filter(reason=reason)
        if query := asked.validated_data["query"]:
            found = found.filter(address__startswith=query.lower())
        return pages.page(request, found, "id", represent)

    @extend_schema(
        operation_id="create_suppressions",
        tags=["Suppressions"],
        request=NewSuppressions,
        responses={201: SuppressionSchema, 200: PutSchema},
    )
    def post(self, request: Request, name: str) -> Response:
        """Put one address on the list, or up to a thousand: all of them, or none if one is wrong.

        One address: 201 with what is on the list now, 200 if it was there before. Several: 200
        with the numbers. A complaint stays as it is.
        """
        wanted = NewSuppressions(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        addresses = values.get("addresses") or [values["address"]]
        done = suppressions.put(
            self.account,
            [
                Entry(address, note=values["note"], expires_at=values["expires_at"])
                for address in addresses
            ],
        )
        if "address" in values:
            return Response(represent(self.find(addresses[0])), status=201 if done.added else 200)
        return Response(
            {"added": len(done.added), "renewed": len(done.renewed), "kept": len(done.kept)}
        )


def row_number(text: str) -> int:
    """Read a cursor; ValueError where it is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("not a number")
    return int(text)


class SuppressionDetail(SuppressionView):
    """One address on the list."""

    scopes = {"GET": Scope.READ, "DELETE": Scope.ADMIN}

    @extend_schema(
        operation_id="get_suppression", tags=["Suppressions"], responses=SuppressionSchema
    )
    def get(self, request: Request, name: str, address: str) -> Response:
        """Return why and until when nothing is sent to an address; 404: it may be sent to."""
        return Response(represent(self.find(address)))

    @extend_schema(operation_id="delete_suppression", tags=["Suppressions"], responses={204: None})
    def delete(self, request: Request, name: str, address: str) -> Response:
        """Take an address off the list, unless its owner has complained."""
        try:
            suppressions.remove(self.find(address))
        except ComplaintStays as refusal:
            raise Problem(403, "complaint_stays", str(refusal)) from None
        return Response(status=204)
