"""Statistics over REST: what was counted by hour or day, and the rates of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.message_class import MessageClass
from accounts.models import Scope
from accounts.rest.serializers import StrictSerializer
from accounts.rest.views import AccountView
from events import statistics
from events.statistics import INTERVALS, KINDS, Query

CLASSES = {one.label: one for one in MessageClass}
# What may be asked for: no tally is elsewhere, and no arithmetic of dates ends here.
YEARS = range(2000, 3000)
# What is shown where no beginning is named.
USUAL_PERIOD = {"hour": timedelta(days=1), "day": timedelta(days=30)}


class StatisticsQuery(StrictSerializer):
    """What to count."""

    tag = serializers.CharField(default="", max_length=200)
    since = serializers.DateTimeField(default=None)
    until = serializers.DateTimeField(default=None, help_text="Now if left out.")
    interval = serializers.ChoiceField(list(INTERVALS), default="day")

    def get_fields(self) -> dict[str, Any]:
        # "class" is a word of Python.
        return super().get_fields() | {
            "class": serializers.ChoiceField(list(CLASSES), default=None)
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs["until"] or timezone.now()
        for name in ("since", "until"):
            if attrs[name] and attrs[name].year not in YEARS:
                text = f"{name} must be in the years {YEARS[0]} to {YEARS[-1]}"
                raise serializers.ValidationError({name: text})
        since = attrs["since"] or until - USUAL_PERIOD[attrs["interval"]]
        if since >= until:
            raise serializers.ValidationError({"since": "since must be before until"})
        longest = INTERVALS[attrs["interval"]][1]
        if until - since > longest:
            raise serializers.ValidationError(
                {"since": f"By the {attrs['interval']} at most {longest.days} days at once"}
            )
        return attrs | {"since": since.astimezone(UTC), "until": until.astimezone(UTC)}


class CountsSchema(serializers.Serializer[Any]):
    """Recipients by fate; a recipient may be in several."""

    def get_fields(self) -> dict[str, Any]:
        return {kind: serializers.IntegerField() for kind in KINDS}


class RatesSchema(serializers.Serializer[Any]):
    """Between 0 and 1; null where there is nothing to divide by."""

    def get_fields(self) -> dict[str, Any]:
        names = statistics.rates(dict.fromkeys(KINDS, 0))
        return {name: serializers.FloatField(allow_null=True) for name in names}


class BucketSchema(serializers.Serializer[Any]):
    """One interval."""

    start = serializers.DateTimeField()
    counts = CountsSchema()
    rates = RatesSchema()


class StatisticsSchema(serializers.Serializer[Any]):
    """What was counted in a period."""

    object = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    interval = serializers.ChoiceField(list(INTERVALS))
    counts = CountsSchema()
    rates = RatesSchema()
    data = BucketSchema(many=True)  # type: ignore[assignment]


class Statistics(AccountView):
    """The tallies of an account."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="get_statistics",
        tags=["Statistics"],
        parameters=[StatisticsQuery],
        responses=StatisticsSchema,
    )
    def get(self, request: Request, name: str) -> Response:
        """Count by hour (31 days at most) or by day (400 days at most), in UTC.

        Mail in test mode never counts. Each interval is there, and each kind in it, even where
        the count is 0.
        """
        asked = StatisticsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        query = Query(
            account=self.account,
            since=wanted["since"],
            until=wanted["until"],
            interval=wanted["interval"],
            tag=wanted["tag"],
            message_class=CLASSES.get(wanted["class"]),
        )
        return Response(represent(query))


def represent(query: Query) -> dict[str, Any]:
    buckets = statistics.by_interval(query)
    whole = statistics.total(buckets)
    return {
        "object": "statistics",
        "since": buckets[0].start,
        "until": ending(query, buckets[-1].start),
        "interval": query.interval,
        "counts": whole,
        "rates": statistics.rates(whole),
        "data": [
            {
                "start": bucket.start,
                "counts": bucket.counts,
                "rates": statistics.rates(bucket.counts),
            }
            for bucket in buckets
        ],
    }


def ending(query: Query, start: datetime) -> datetime:
    return start + INTERVALS[query.interval][0]
