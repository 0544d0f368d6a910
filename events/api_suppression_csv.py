"""The suppression list as a file over REST: out as a stream, in with a report by line."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import IO, Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest.problems import Problem
from events import suppression_csv, suppression_file
from events.api_suppressions import SuppressionView
from events.serializers import ImportSchema
from events.suppression_csv import CsvUnreadable


class CsvBody(BaseParser):
    """A body of text/csv, as octets."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return stream.read()  # the view has looked at its length


class AnyAccept(BaseContentNegotiation):
    """Files are CSV and reports JSON, whatever Accept says."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((one for one in parsers if one.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class SuppressionFile(SuppressionView):
    """The whole list as one file."""

    scopes = {"GET": Scope.READ, "POST": Scope.ADMIN}
    parser_classes = [CsvBody]
    content_negotiation_class = AnyAccept
    max_body = suppression_file.MAX_SIZE

    @extend_schema(
        operation_id="export_suppressions",
        tags=["Suppressions"],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, name: str) -> StreamingHttpResponse:
        """Export the list: address, reason, note, expires_at."""
        lines = suppression_csv.write(suppression_file.every(self.account))
        return StreamingHttpResponse(
            lines,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="suppressions.csv"'},
        )

    @extend_schema(
        operation_id="import_suppressions",
        tags=["Suppressions"],
        request={"text/csv": OpenApiTypes.STR},
        responses=ImportSchema,
    )
    def post(self, request: Request, name: str) -> Response:
        """Import a list of up to 5 MB in UTF-8: good rows are taken, bad ones reported by line.

        The columns are address, reason, note, expires_at, of which only the first must be there; a
        heading may name them in any order. Doing it twice changes nothing.
        """
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            rows = suppression_csv.read(body)
        except CsvUnreadable as error:
            raise Problem(422, "invalid_csv", str(error)) from None
        return Response(asdict(suppression_file.take(self.account, rows)))
