"""What staff sees of people; accounts themselves are shown by a floor that knows their mail."""

from django.contrib import admin

from accounts.admin_contact import ThreadAdmin
from accounts.admin_credentials import CredentialAdmin
from accounts.admin_people import AuditEntryAdmin, InvitationAdmin
from accounts.models import AuditEntry, Credential, Invitation, Membership, Thread, User
from accounts.staff_pages import BigTableAdmin, ReadOnlyAdmin

__all__ = ["BigTableAdmin", "ReadOnlyAdmin"]

admin.site.register(Credential, CredentialAdmin)
admin.site.register(Invitation, InvitationAdmin)
admin.site.register(AuditEntry, AuditEntryAdmin)
admin.site.register(Thread, ThreadAdmin)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    secrets = ("password",)
    list_display = ("email", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email__startswith",)
    search_help_text = "Finds users by how their address begins."


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "account", "role")
    list_display_links = ("user",)
    list_filter = ("role",)
    list_select_related = ("user", "account")
