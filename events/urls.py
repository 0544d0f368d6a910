"""Where the pages of events live."""

from django.urls import path

from events import volume_page

urlpatterns = [
    path("volume/", volume_page.volume, name="volume"),
    path("volume/<int:request_id>/withdraw/", volume_page.withdraw, name="volume-withdraw"),
    path("volume/<int:request_id>/answer/", volume_page.answer, name="volume-answer"),
]
