"""Sending domains over REST: add one, see its records, have them checked, take it away."""

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest.problems import Problem
from accounts.rest.views import AccountView
from domains import rotation, sending_domains
from domains.models import Domain
from domains.rotation import RotationRefused
from domains.sending_domains import CheckRunning, DomainRefused
from domains.serializers import (
    PAGE,
    NewSendingDomain,
    Rotation,
    SendingDomainFields,
    SendingDomainQuery,
    SendingDomainSchema,
    represent,
)


class DomainView(AccountView):
    """Looks for domains among those that the credential may see."""

    @property
    def domains(self) -> QuerySet[Domain]:
        domains = Domain.objects.filter(account=self.account).prefetch_related("signing_keys")
        if self.credential.domains:
            domains = domains.filter(name__in=self.credential.domains)
        return domains

    def find(self, public_id: str) -> Domain:
        # The database takes no NUL, which a path may hold.
        domain = self.domains.filter(public_id=public_id).first() if public_id.isalnum() else None
        if domain is None:
            raise Http404
        return domain


class SendingDomainList(DomainView):
    """All domains of an account, and the way to add one."""

    scopes = {"GET": Scope.READ, "POST": Scope.ADMIN}

    @extend_schema(
        operation_id="list_sending_domains",
        tags=["Sending domains"],
        parameters=[SendingDomainQuery],
        responses=SendingDomainSchema(many=True),
    )
    def get(self, request: Request, name: str) -> Response:
        """List domains by name. The answer is an array, as with the original service."""
        asked = SendingDomainQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        number, query = asked.validated_data["page"], asked.validated_data["query"].lower()
        domains = self.domains.filter(name__contains=query).order_by("name")
        return Response([represent(one) for one in domains[(number - 1) * PAGE : number * PAGE]])

    @extend_schema(
        operation_id="create_sending_domain",
        tags=["Sending domains"],
        request=NewSendingDomain,
        responses={201: SendingDomainSchema},
    )
    def post(self, request: Request, name: str) -> Response:
        """Add a domain. It gets a signing key at once; mail may be sent once it is verified."""
        wanted = NewSendingDomain(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            self._may_add(wanted.validated_data["domain"])
            domain = sending_domains.add(
                self.account, wanted.validated_data["domain"], wanted.validated_data["mta_label"]
            )
        except DomainRefused as refusal:
            raise Problem(422, refusal.code, str(refusal), f"/{refusal.field}") from None
        return Response(represent(domain), status=201)

    def _may_add(self, domain: str) -> None:
        allowed = self.credential.domains
        if allowed and sending_domains.normalise(domain) not in allowed:
            text = "This credential may use only: " + ", ".join(allowed)
            raise Problem(403, "domain_not_allowed", text, "/domain")


class SendingDomainDetail(DomainView):
    """One domain."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}

    @extend_schema(
        operation_id="get_sending_domain",
        tags=["Sending domains"],
        responses=SendingDomainSchema,
    )
    def get(self, request: Request, name: str, public_id: str) -> Response:
        """Return a domain with its records and what the last check saw of them."""
        return Response(represent(self.find(public_id)))

    @extend_schema(
        operation_id="change_sending_domain",
        tags=["Sending domains"],
        request=SendingDomainFields(partial=True),
        responses=SendingDomainSchema,
    )
    def patch(self, request: Request, name: str, public_id: str) -> Response:
        """Say whether opens and clicks of mail under this domain are tracked."""
        fields = SendingDomainFields(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        domain = self.find(public_id)
        sending_domains.change(domain, **fields.validated_data)
        return Response(represent(domain))

    @extend_schema(
        operation_id="delete_sending_domain",
        tags=["Sending domains"],
        responses={202: SendingDomainSchema},
    )
    def delete(self, request: Request, name: str, public_id: str) -> Response:
        """Remove a domain and its key. Mail that is queued for it is no longer sent."""
        domain = self.find(public_id)
        answer = represent(domain)
        sending_domains.remove(domain)
        return Response(answer, status=202)


class SendingDomainRotation(DomainView):
    """A new signing key for a domain."""

    scopes = {"POST": Scope.ADMIN}

    @extend_schema(
        operation_id="rotate_signing_key",
        tags=["Sending domains"],
        request=Rotation,
        responses={202: SendingDomainSchema},
    )
    def post(self, request: Request, name: str, public_id: str) -> Response:
        """Make the next signing key of a domain.

        Publish its record, which `dkim_keys` shows with the state `next`. DNS is asked every five
        minutes; the key signs once the record was there for ten. Keep the old record until its
        state is `retired`. Where a next key waits already, the answer is that one.
        """
        wanted = Rotation(data=request.data or {})
        wanted.is_valid(raise_exception=True)
        try:
            rotation.begin(self.find(public_id), wanted.validated_data["algorithm"])
        except RotationRefused as refusal:
            raise Problem(409, "rotation_refused", str(refusal)) from None
        return Response(represent(self.find(public_id)), status=202)


class SendingDomainCheck(DomainView):
    """The button that asks DNS."""

    scopes = {"POST": Scope.ADMIN}

    @extend_schema(
        operation_id="verify_sending_domain",
        tags=["Sending domains"],
        request=None,
        responses={200: SendingDomainSchema, 422: SendingDomainSchema},
    )
    def post(self, request: Request, name: str, public_id: str) -> Response:
        """Ask DNS for all records, within five seconds.

        200: everything required is right, and the domain may be used from now on. 422: something
        is not; the answer is the domain, whose `records` say what was found and what to do.
        409: another check of the account is running.
        """
        domain = self.find(public_id)
        try:
            is_verified = sending_domains.check_now(domain)
        except Domain.DoesNotExist:
            raise Http404 from None
        except CheckRunning as refusal:
            raise Problem(409, "check_running", str(refusal)) from None
        return Response(represent(domain), status=200 if is_verified else 422)
