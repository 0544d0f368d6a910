"""A forbidden name is found however the fields of a part write it."""

import pytest

from messages import header
from messages.attachments import TooComplex, forbidden_name


def found_by(fields: bytes) -> str | None:
    """Look at a message with one part, behind a text, that bears these fields."""
    content = (
        b"Subject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\n" + fields + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b--\r\n"
    )
    return forbidden_name(*header.split(content))


def disposition(parameters: bytes) -> bytes:
    return b"Content-Disposition: attachment; " + parameters


PLAIN = [
    b'filename="a.exe"',
    b"filename=a.exe",
    b"FileName=A.ExE",
    b'filename = "a.exe"',
    b'filename\t=\t"a.exe"',
    b"filename=a.exe; size=3",
    b'size=3;filename="a.exe"',
    b'filename="a.pdf.exe"',
    b'filename="my tool.exe"',
    b"filename=my tool.exe",
    b"filename='a.exe'",
    b'filename="a.exe."',
    b'filename="a.exe   "',
    b'filename="a.exe . . "',
    b'filename="a.txt                                          .exe"',
    b'filename=".exe"',
    b'filename="' + b"long" * 500 + b'.exe"',
]
BROKEN = [
    b'filename="a.exe',
    b'filename="a.exe; size=3',
    b'filename="a\\.exe"',
    b'filename="a.e\\xe"',
    b'filename="a.exe\\"',
    b'filename="a".exe',
    b'filename="a" ".exe"',
    b'filename=a".exe"',
    b'name=x filename="a.exe"',
    b'foo="bar filename=a.exe',
    b'filename="a.txt"; filename="a.exe"',
    b'filename="a.exe"; filename="a.txt"',
    b"filename==a.exe",
    b"filename=a;b.exe",
    b"filename=a.exe more words",
    b";;;filename=a.exe",
    b",filename=a.exe",
    b"filename=\r\n a.exe",
    b'filename="a.e\r\n xe"',
    b'filename="a.\r\n\texe"',
    b'\r\n \r\n filename="a.exe"',
]
COMMENTS = [
    b"filename=(harmless)a.exe",
    b"filename=a.exe(harmless)",
    b"filename=a(harmless).exe",
    b'(a "comment)filename="a.exe"',
    b'filename(harmless)="a.exe"',
    b"filename=a(one(two)\\)).exe",
    b'filename="a"(harmless)".exe"',
]
CONTINUED = [
    b'filename*0="a.e"; filename*1="xe"',
    b'filename*1="xe"; filename*0="a.e"',
    b"filename*0=a.; filename*1=exe",
    b'filename*1="a.e"; filename*2="xe"',
    b'filename*00="a.e"; filename*01="xe"',
    b'filename*0="a.exe"; filename*2=".txt"',
    b'filename*0="a.e"; filename*7="xe"',
    b'filename*0="a.e"; filename*0="b.e"; filename*1="xe"; filename*1="yz"',
    b"filename*0*=utf-8''a%2E; filename*1*=%65xe",
    b"filename*0*=utf-8''a%2E; filename*1=exe",
    b"filename*0=a.; filename*1*=%65xe",
    b'filename *0 = "a.e"; filename * 1 = "xe"',
    b"\r\n filename*0=a.;\r\n filename*1=e;\r\n filename*2=xe",
    b"; ".join(b"filename*%d=%s" % pair for pair in enumerate([b"a"] * 11 + [b".", b"exe"])),
    b'filename*0="=?utf-8?Q?a.e"; filename*1="xe?="',
]
EXTENDED = [
    b"filename*=utf-8''a.exe",
    b"filename*=UTF-8'en'a%2Eexe",
    b"filename*=utf-8''%61%2e%65%78%65",
    b"filename*=''a.exe",
    b"filename*=a.exe",
    b"filename*=utf-8'a%2Eexe",
    b"filename*=\"utf-8''a%2Eexe\"",
    b"filename*=unheard-of''a%2Eexe",
    b"filename*=utf-16le''a%00.%00e%00x%00e%00",
    b"filename*=utf-16be''%00a%00.%00e%00x%00e",
    b"filename*=utf-7''a+AC4-exe",
    b"filename*=utf-8''a%EF%BC%8Eexe",
    b"filename*=utf-8''a.exe%00.txt",
    b'filename="a%2Eexe"',
    b"filename=harmless.txt; filename*=utf-8''a.exe",
    b"filename*=utf-8''harmless.txt; filename=a.exe",
]
WORDS = [
    b'filename="=?utf-8?B?YS5leGU=?="',
    b"filename==?utf-8?B?YS5leGU=?=",
    b'filename="=?UTF-8?b?YS5leGU?="',
    b'filename="=?utf-8?Q?a=2Eexe?="',
    b'filename="=?utf-8?q?a_b.exe?="',
    b'filename="=?utf-8*en?Q?a.exe?="',
    b'filename="=?utf-8?Q?my tool.exe?="',
    b'filename="=?utf-8?Q?a.exe"',
    b'filename="=?utf-8?B?YS5leGU"',
    b'filename="=?utf-8?Q?a.e?= =?utf-8?Q?xe?="',
    b'filename="=?utf-8?B?YS5l?=\r\n =?utf-8?B?eGU=?="',
    b'filename="=?utf-8?Q?a.e?==?utf-8?Q?xe?="',
    b"filename==?utf-8?Q?a.e?=\r\n =?iso-8859-1?Q?xe?=",
    b'filename="=?utf-8?Q?a?=.exe"',
    b'filename="a.=?utf-8?Q?exe?="',
    b'filename="=?utf-16?B?//5hAC4AZQB4AGUA?="',
    b'filename="=?utf-16be?B?AGEALgBlAHgAZQ==?="',
    b'filename="=?utf-7?Q?a+AC4-exe?="',
    b'filename="=?cp037?B?gUuFp4U=?="',
    b'filename="=?iso-8859-1?Q?caf=E9.exe?="',
    b'filename="=?nonsense?Q?a.exe?="',
    b'filename="=??Q?a.exe?="',
    b'filename="=?utf-8?Q?a?b.exe?="',
    b'filename="=?utf-8?B?YQ==LmV4ZQ==?="',
    b'filename="=?utf-8?B?PT91dGYtOD9RP2EuZXhlPz0=?="',
]
LETTERS = [
    'filename="\u0441\u0447\u0451\u0442.exe"'.encode(),
    'filename="café.exe"'.encode("latin-1"),
    b'filename="a\x00.exe"',
    b'filename="a.exe\x00.txt"',
    b'filename="a.e\x01xe"',
    'filename="a.e\u200bxe"'.encode(),
    'filename="a.exe\u200b"'.encode(),
    'filename="a\u202efdp.exe"'.encode(),
    'filename="a.\u202eexe\u202c"'.encode(),
    'filename="a.ex\ufe0fe"'.encode(),
    'filename="a．ｅｘｅ"'.encode(),
    'filename="a․exe"'.encode(),
    'filename="a.j\u017f"'.encode(),
    'filename="a.exe\xa0"'.encode(),
    'filename="a.exe\u3000"'.encode(),
]
PATHS = [
    b'filename="..\\a.exe"',
    b'filename="..\\\\a.exe"',
    b'filename="C:\\dir\\a.exe"',
    b'filename="../../a.exe"',
    b'filename="a.exe:x"',
    b'filename="a.exe::$DATA"',
    b'filename="a.txt:b.exe"',
    b'filename="a.exe/"',
    b'filename="a.exe?"',
]
OTHER_FIELDS = [
    b'Content-Type: application/octet-stream; name="a.exe"',
    b'content-type : application/octet-stream; name="a.exe"',
    b"CONTENT-TYPE:application/x;NAME=a.exe",
    b"Content-Type: application/x name=a.exe",
    b"Content-Type: ; name=a.exe",
    b"Content-Type: application/x;\r\n\tname*0=a.;\r\n\tname*1=exe",
    b"Content-Type: application/x; name*=utf-8''a%2Eexe",
    b'Content-Type: image/png; name="a.exe"',
    b"Content-Type: application/x; name=a.txt\r\nContent-Type: application/x; name=a.exe",
    b"Content-Disposition: attachment\r\nContent-Disposition: inline; filename=a.exe",
    b"Content-Disposition: unheard-of; filename=a.exe",
    b"Content-Disposition: filename=a.exe",
    b"Content-Disposition: inline; name=a.exe",
    b"Content-Type: application/x; name=a.txt\r\nContent-Disposition: x; filename=a.exe",
    b"Content-Type: message/external-body; access-type=anon-ftp; name=a.exe",
    b"Content-Description: a.exe",
    b"Content-Description: =?utf-8?Q?a.exe?=",
    b"Content-Type: application/x\r\nContent-Location: a.exe",
    b"Content-Type: application/x\r\nContent-Location: http://example.com/dir/a.exe?x=1",
    b"no field at all\r\nContent-Disposition: attachment; filename=a.exe",
]
FAMILIES = {
    "plain": [disposition(variant) for variant in PLAIN],
    "broken": [disposition(variant) for variant in BROKEN],
    "comments": [disposition(variant) for variant in COMMENTS],
    "continued": [disposition(variant) for variant in CONTINUED],
    "extended": [disposition(variant) for variant in EXTENDED],
    "encoded words": [disposition(variant) for variant in WORDS],
    "letters": [disposition(variant) for variant in LETTERS],
    "paths": [disposition(variant) for variant in PATHS],
    "other fields": OTHER_FIELDS,
}
FORBIDDEN = (
    "vbs exe bin bat chm com hta pif reg vbe vba msc msi scr js jse wsf wsh ps1 cmd cpl jar lnk"
)


@pytest.mark.parametrize(
    ("family", "fields"),
    [(family, fields) for family, variants in FAMILIES.items() for fields in variants],
)
def test_it_is_found_in_every_family_of_writings(family, fields):
    assert found_by(fields) is not None


@pytest.mark.parametrize("extension", FORBIDDEN.split())
def test_every_forbidden_extension_is_refused(extension):
    assert found_by(disposition(f'filename="a.{extension}"'.encode())) == f"a.{extension}"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b'"my tool.exe"', "my tool.exe"),
        (b'"=?utf-8?Q?=D1=81.exe?="', "\u0441.exe"),
        ('"a\u202efdp.exe"'.encode(), "afdp.exe"),
        (b'"a\x07\x1b[2J.exe"', "a[2J.exe"),
        (b'"' + b"a" * 100 + b'.exe"', "a" * 37 + "..." + "a" * 36 + ".exe"),
    ],
)
def test_the_name_is_shown_in_printable_and_short_form(written, shown):
    assert found_by(disposition(b"filename=" + written)) == shown


def test_a_name_longer_than_any_file_system_takes_is_too_complex():
    with pytest.raises(TooComplex, match="a name of more than 4096 octets"):
        found_by(disposition(b'filename="' + b"a" * 5000 + b'"'))


def test_more_names_than_anybody_writes_are_too_complex():
    with pytest.raises(TooComplex, match="more than 10000 names of parts"):
        found_by(b"\r\n".join([disposition(b"name=x;" * 100)] * 101))


def test_more_names_in_one_field_than_can_be_looked_through_are_too_complex():
    with pytest.raises(TooComplex, match="more than 16777216 octets behind names"):
        found_by(disposition(b'name="\\ ' * 6000))


def test_a_longer_field_than_anybody_writes_is_too_complex():
    with pytest.raises(TooComplex, match="more than 65536 octets"):
        found_by(disposition(b"name=x;" * 10_000))
