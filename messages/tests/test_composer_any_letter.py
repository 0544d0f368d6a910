"""Whatever is in the fields of a letter, other programs read it out of the content again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domains.addresses import ONE_MAILBOX, Mailbox, parse_mailboxes, unfold
from messages import composer, header
from messages.letters.letter import Attachment, Letter
from messages.tests.letters import lines, octets, read, values

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
# What a reader of header fields shows as it is: no control characters, no odd line ends.
ONE_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200).map(
    lambda text: text.strip()
)
NAME = ONE_LINE.filter(lambda name: "@" not in name and "=?" not in name)
MAILBOX = st.builds(
    Mailbox,
    NAME,
    st.sampled_from(["a", "a.b+c"]),
    st.sampled_from(["b.test", "xn--bcher-kva.test"]),
)
FIELD = st.tuples(st.from_regex(r"X-[A-Za-z0-9~/!]{1,40}", fullmatch=True), ONE_LINE)
ATTACHMENT = st.builds(
    Attachment,
    ONE_LINE.filter(lambda name: "=?" not in name),
    st.binary(max_size=300),
    st.sampled_from(["application/pdf", "text/csv; charset=utf-8", 'image/png; x="a ; b"']),
    st.none() | st.from_regex(r"[a-z0-9]{1,10}(@x)?", fullmatch=True),
)
LETTER = st.builds(
    Letter,
    author=MAILBOX,
    to=st.lists(MAILBOX, min_size=1, max_size=4),
    cc=st.lists(MAILBOX, max_size=2),
    reply_to=st.lists(MAILBOX, max_size=2),
    subject=st.none() | ONE_LINE,
    plain=TEXT.filter(bool),
    html=st.none() | TEXT.filter(bool),
    headers=st.lists(FIELD, max_size=4),
    attachments=st.lists(ATTACHMENT, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(LETTER)
def test_any_letter_reads_as_it_was_given(letter):
    content = composer.compose(letter)
    message = read(content)

    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    fields = header.split(content)[0]
    # The policy takes one mailbox that is no group.
    assert ONE_MAILBOX.fullmatch(unfold(fields[0].value))
    for name, mailboxes in (
        (b"from", [letter.author]),
        (b"to", letter.to),
        (b"cc", letter.cc),
        (b"reply-to", letter.reply_to),
    ):
        assert [
            mailbox
            for field in header.find(fields, name)
            for mailbox in parse_mailboxes(field.value)
        ] == list(mailboxes)
    assert message["subject"] == letter.subject
    for name, value in letter.headers:
        assert value in values(content, name.lower().encode())
    assert lines(octets(message.get_body(["plain"])).decode()).rstrip("\n") == (
        lines(letter.plain).rstrip("\n")
    )
    if letter.html:
        html = octets(message.get_body(["html"])).decode()
        assert lines(html).rstrip("\n") == lines(letter.html).rstrip("\n")
    files = [part for part in message.walk() if part.get_content_disposition()]
    assert sorted((part.get_filename() or "", octets(part)) for part in files) == sorted(
        (one.file_name, one.content) for one in letter.attachments
    )
    assert {part["content-id"] for part in files if part["content-id"]} == {
        f"<{one.content_id}>" for one in letter.attachments if one.content_id
    }
