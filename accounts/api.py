"""Credentials over REST: make them, see their use, change, rotate and revoke them."""

from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import authentication, changes
from accounts.domain_names import to_a_label
from accounts.models import Credential, Scope
from accounts.rest.pages import page
from accounts.rest.problems import Problem
from accounts.rest.schema import PageQuery
from accounts.rest.serializers import BoundedList, StrictSerializer
from accounts.rest.views import AccountView

READ_ADMIN = {"GET": Scope.READ, "POST": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}


class CredentialFields(StrictSerializer):
    """What can be said of a credential; what is left out stays as it is."""

    name = serializers.CharField(max_length=100)
    scopes = BoundedList(
        child=serializers.ChoiceField(Scope.choices), required=False, allow_empty=False,
        max_length=len(Scope),
    )  # fmt: skip
    domains = BoundedList(
        child=serializers.CharField(max_length=253), required=False, max_length=100,
        help_text="The only domains that it may send under; none: all that are verified.",
    )  # fmt: skip
    is_test = serializers.BooleanField(required=False)
    is_relay = serializers.BooleanField(required=False)

    def validate_domains(self, value: list[str]) -> list[str]:
        try:
            return sorted({to_a_label(name) for name in value})
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_scopes(self, value: list[str]) -> list[str]:
        return sorted(set(value))


class CredentialSchema(serializers.Serializer[Any]):
    """A credential, without its secret."""

    username = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    domains = serializers.ListField(child=serializers.CharField())
    is_test = serializers.BooleanField()
    is_relay = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    previous_secret_until = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_from = serializers.CharField(allow_null=True)
    last_used_by = serializers.CharField(allow_blank=True)


class CredentialPage(serializers.Serializer[Any]):
    """A page of credentials."""

    object = serializers.ChoiceField(["list"])
    data: Any = CredentialSchema(many=True)
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class SecretSchema(CredentialSchema):
    """A credential with its secret, which is shown in this answer alone."""

    secret = serializers.CharField()


class RotationFields(StrictSerializer):
    """How a secret is replaced."""

    immediately = serializers.BooleanField(
        default=False, help_text="End the old secret now, and not in 24 hours."
    )


def represent(credential: Credential) -> dict[str, Any]:
    """Return what may be shown of a credential at any time."""
    return {name: getattr(credential, name) for name in CredentialSchema._declared_fields}


class CredentialView(AccountView):
    """Finds live credentials of the account."""

    def find(self, username: str, *, for_update: bool = False) -> Credential:
        live = Credential.objects.filter(account=self.account, revoked_at=None)
        live = live.select_for_update() if for_update else live
        # The database takes no NUL, which a path may hold.
        found = live.filter(username=username).first() if username.isalnum() else None
        if found is None:
            raise Http404
        return found

    def permit(self, wanted: dict[str, Any]) -> None:
        """Refuse to hand on what the asking credential has not got itself."""
        mine = self.credential
        if missing := set(wanted.get("scopes", ())) - set(mine.scopes):
            raise _beyond("scopes", f"the scope {missing.pop()}")
        domains = wanted.get("domains")
        if mine.domains and domains is not None and not set(domains) <= set(mine.domains):
            raise _beyond("domains", "other domains than its own")
        if mine.domains and domains == []:
            raise _beyond("domains", "all domains")
        if mine.is_test and wanted.get("is_test") is False:
            raise _beyond("is_test", "a way out of test mode")

    def bounded(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Return what a new credential shall be, within what the asking one is."""
        mine = self.credential
        usual = [scope for scope in (Scope.SEND, Scope.READ) if scope in mine.scopes]
        return {
            "scopes": [scope.value for scope in usual], "domains": mine.domains,
            "is_test": mine.is_test,
        } | wanted  # fmt: skip


def _beyond(field: str, what: str) -> Problem:
    text = f"A credential cannot give {what}, which it does not have itself"
    return Problem(403, "forbidden", text, f"/{field}")


class CredentialList(CredentialView):
    """All live credentials of an account, and the way to make one."""

    scopes = READ_ADMIN

    @extend_schema(
        operation_id="list_credentials",
        tags=["Credentials"],
        parameters=[PageQuery],
        responses=CredentialPage,
    )
    def get(self, request: Request, name: str) -> Response:
        """List credentials, newest first."""
        PageQuery(data=request.query_params.dict()).is_valid(raise_exception=True)
        found = Credential.objects.filter(account=self.account, revoked_at=None)
        return page(request, found, ("created_at", "username"), represent)

    @extend_schema(
        operation_id="create_credential",
        tags=["Credentials"],
        request=CredentialFields,
        responses={201: SecretSchema},
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a credential. Its secret is in this answer, and nowhere else."""
        fields = CredentialFields(data=request.data)
        fields.is_valid(raise_exception=True)
        self.permit(fields.validated_data)
        credential, secret = authentication.create_credential(
            self.account, **self.bounded(fields.validated_data)
        )
        return Response(represent(credential) | {"secret": secret}, status=201)


class CredentialDetail(CredentialView):
    """One credential."""

    scopes = READ_ADMIN

    @extend_schema(operation_id="get_credential", tags=["Credentials"], responses=CredentialSchema)
    def get(self, request: Request, name: str, username: str) -> Response:
        """Return a credential with its last use."""
        return Response(represent(self.find(username)))

    @extend_schema(
        operation_id="change_credential",
        tags=["Credentials"],
        request=CredentialFields(partial=True),
        responses=CredentialSchema,
    )
    def patch(self, request: Request, name: str, username: str) -> Response:
        """Change a credential; running sessions see it at once."""
        credential = self.find(username)
        fields = CredentialFields(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        self.permit(fields.validated_data)
        with transaction.atomic():
            for field, value in fields.validated_data.items():
                setattr(credential, field, value)
            credential.save(update_fields=list(fields.validated_data))
            changes.announce(self.account.pk)
        return Response(represent(credential))

    @extend_schema(operation_id="revoke_credential", tags=["Credentials"], responses={204: None})
    def delete(self, request: Request, name: str, username: str) -> Response:
        """Revoke a credential, for ever and at once; also the one that asks."""
        authentication.revoke(self.find(username))
        return Response(status=204)


class CredentialRotation(CredentialView):
    """A new secret for an old credential."""

    scopes = READ_ADMIN

    @extend_schema(
        operation_id="rotate_credential",
        tags=["Credentials"],
        request=RotationFields,
        responses=SecretSchema,
    )
    def post(self, request: Request, name: str, username: str) -> Response:
        """Give a credential a new secret; the old one stays good for 24 hours."""
        fields = RotationFields(data=request.data or {})
        fields.is_valid(raise_exception=True)
        with transaction.atomic():
            credential = self.find(username, for_update=True)
            # Its secret is worth what it may do.
            self.permit(
                {
                    "scopes": credential.scopes,
                    "domains": credential.domains,
                    "is_test": credential.is_test,
                }
            )
            secret = authentication.rotate(
                credential, immediately=fields.validated_data["immediately"]
            )
        return Response(represent(credential) | {"secret": secret})
