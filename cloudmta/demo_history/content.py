"""What a message of a made-up month holds: text, HTML, and with an invoice a PDF. Pure."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from cloudmta.demo_history.mail import Letter

SHOP = "https://shop.example"
# By the name of a stream: what the message says, and what its button says and leads to.
SAYINGS = {
    "order": ("Thank you for your order. We pack it today.", "See the order", "/orders"),
    "shipping": ("Your parcel has left us, and is with you in two days.", "Track it", "/parcels"),
    "sign-in": ("Type this code where you log in. It is good for ten minutes.", "Log in", "/login"),
    "password": ("Choose a new password within the hour.", "Choose a password", "/password"),
    "invoice": ("Your invoice is attached. It is paid already.", "See all invoices", "/invoices"),
    "welcome": ("It is good to have you here. Look around.", "To the shop", "/"),
    "review": ("Other people would like to know how you find it.", "Write a review", "/reviews"),
    "weekly": ("Lamps, shelves and a chair that folds: what is new.", "See what is new", "/new"),
}
GREETING, CLOSING = "Hello,", "Your shop"
HTML = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{subject}</title></head>
<body style="margin:0;padding:32px 16px;background:#f4f1ea;font:16px/1.5 Georgia,serif;color:#2b2b2b">
<table role="presentation" align="center" width="560" cellpadding="0" cellspacing="0"
 style="max-width:560px;margin:0 auto;background:#ffffff"><tr><td style="padding:40px">
<p style="margin:0 0 24px;font-size:14px;letter-spacing:2px;color:#7a5c2e">THE SHOP</p>
<h1 style="margin:0 0 16px;font-size:26px;line-height:1.25">{subject}</h1>
<p>{greeting}</p><p>{saying}</p>
<p style="margin:28px 0"><a href="{url}" style="padding:12px 24px;background:#7a5c2e;color:#ffffff;text-decoration:none">{act}</a></p>
<p>{closing}</p></td></tr></table></body></html>
"""  # noqa: E501


def of(letter: Letter, sender: str, addresses: Sequence[str], message_id_header: str) -> bytes:
    """Return the content of one letter, as an application would have handed it in."""
    message, name = EmailMessage(), letter.stream.name
    saying, act, path = SAYINGS[name]
    message["From"] = sender
    message["To"] = ", ".join(addresses)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = message_id_header
    url = SHOP + path
    message.set_content(f"{GREETING}\n\n{saying}\n\n{act}: {url}\n\n{CLOSING}\n")
    html = HTML.format(
        subject=letter.subject, greeting=GREETING, saying=saying, url=url, act=act, closing=CLOSING
    )
    message.add_alternative(html, subtype="html")
    if name == "invoice":
        message.add_attachment(
            pdf(letter.subject), maintype="application", subtype="pdf", filename="invoice.pdf"
        )
    return message.as_bytes(policy=SMTP)


def pdf(line: str) -> bytes:
    """Return a PDF (ISO 32000) of one page with one line of ASCII."""
    text = line.replace("\\", "").replace("(", "").replace(")", "")
    drawing = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    written, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    count = len(objects) + 1
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return f"{written}xref\n0 {count}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")
