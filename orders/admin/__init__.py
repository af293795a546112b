"""The admin for operators: an owner's own company, a superuser's all. See ``orders.admin_scope`` for the border."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from orders.admin import audit, company, customer, menu, order, people
from orders.security.sign_in import AdminSignInForm

__all__ = ["audit", "company", "customer", "menu", "order", "people"]

admin.site.site_header = "Restaurant integration"
admin.site.site_title = _("Restaurant integration")
admin.site.index_title = _("Operations")
admin.site.site_url = "/"
# Its own door counts wrong passwords together with the staff's.
admin.site.login_form = AdminSignInForm
admin.site.empty_value_display = "–"
# Ownership is the only permission: groups would promise others.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)
