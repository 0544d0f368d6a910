"""The codes of problems: what programs go by, and what each asks of whoever meets it."""

# Code: HTTP status, title, and what the client is to do.
CODES = {
    "malformed_json": (
        400, "Body is not JSON",
        "Send one JSON document (RFC 8259) in UTF-8, without NaN and without repeated names.",
    ),
    "bad_request": (400, "Request not understood", "See detail."),
    "unauthorized": (
        401, "Secret missing or wrong",
        "Send Authorization: Bearer with a live secret of the credential that the address names.",
    ),
    "scope_missing": (
        403, "Scope missing",
        "Use a credential that has the scope which detail names.",
    ),
    "account_suspended": (
        403, "Account suspended",
        "Reading still works. detail says why nothing else does; ask the operator.",
    ),
    "forbidden": (403, "Not allowed", "See detail."),
    "not_found": (
        404, "Not found",
        "Check the address; what belongs to another account looks the same as what is not there.",
    ),
    "method_not_allowed": (405, "Method not allowed", "The header Allow lists the methods."),
    "not_acceptable": (406, "Not acceptable", "Accept application/json."),
    "too_big": (413, "Body too big", "Send less at once; detail names the limit."),
    "unsupported_media_type": (
        415, "Media type not supported", "Send the body as Content-Type: application/json.",
    ),
    "invalid": (
        422, "Fields invalid",
        "errors names each field by its JSON pointer (RFC 6901), or the parameter of the query.",
    ),
    "rate_limit": (
        429, "Too many requests at once", "Wait for the seconds in Retry-After, then repeat.",
    ),
    "internal_error": (
        500, "Something went wrong on our side",
        "Repeat with an Idempotency-Key; if it stays, tell the operator the request_id.",
    ),
    "unavailable": (
        503, "Not available for now", "Wait for the seconds in Retry-After, then repeat.",
    ),
    # Of single endpoints:
    "complaint_stays": (
        403, "Complaints stay", "Who called mail spam is not written to again; ask the operator.",
    ),
    "nothing_to_cancel": (
        409, "Nothing to cancel", "All recipients are settled, or being delivered to just now.",
    ),
    "check_running": (
        409, "Check running", "One check of a domain at a time: wait until it ends, 5 s at most.",
    ),
    "rotation_refused": (
        409, "No key to replace now", "Have the domain verified first; detail says more.",
    ),
    "taken": (
        422, "Name taken", "Another account has this domain; ask the operator if it is yours.",
    ),
    "invalid_csv": (
        422, "File not readable", "Send CSV in UTF-8, the names of its columns first.",
    ),
    "invalid_query": (422, "Query not understood", "detail says what does not go together."),
    "search_too_long": (
        422, "Search took too long", "Ask for a shorter time, or by tag, recipient or message.",
    ),
    "test_running": (
        409, "Test running", "One test of a webhook at a time: wait until it ends, 20 s at most.",
    ),
    "webhook_disabled": (409, "Webhook disabled", "Enable it first, then replay."),
    "too_many_domains": (422, "Too many domains", "Verify or remove those that wait."),
    "too_many_events": (422, "Too many events", "Replay them in parts, by since and until."),
    "unknown_event": (422, "No such event", "Give ids of events as GET events lists them."),
    "unknown_post": (422, "No such post", "Give the id of a post in the webhook's log."),
    "too_many_webhooks": (422, "Too many webhooks", "Delete one that is not needed any more."),
}  # fmt: skip

# What a fault in errors may have as its code, where that is not one of the above.
OF_FIELDS = {
    "required": "The field is missing.",
    "null": "The field may not be null.",
    "blank": "The field may not be empty.",
    "invalid": "The value is not of the right form.",
    "invalid_choice": "The value is none of those that there are.",
    "unknown_field": "There is no such field; look for a slip in its name.",
    "not_a_list": "The value must be an array.",
    "not_a_dict": "The value must be an object.",
    "empty": "The array must hold something.",
    "max_length": "The value is too long.",
    "min_length": "The value is too short.",
    "max_value": "The number is too great.",
    "min_value": "The number is too small.",
    "max_string_length": "The number has too many digits.",
    "null_characters_not_allowed": "The text holds NUL.",
    "surrogate_characters_not_allowed": "The text holds half of a surrogate pair.",
}
