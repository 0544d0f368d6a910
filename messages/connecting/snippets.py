"""How to send in the languages and programs that people use: templates of code, filled in."""

from dataclasses import asdict, dataclass
from functools import cache

from django.conf import settings
from django.template import Context, Engine

from messages.connecting.access import Access

CA_FILE = "cloudmta-ca.pem"


@dataclass(frozen=True, slots=True)
class Stack:
    """A language or a program, and where its snippet goes."""

    slug: str  # of the template
    name: str
    file: str  # where the snippet goes, or what it takes
    needs: str = ""  # what is to be installed first


# In the order in which people look for them.
STACKS = (
    Stack("curl_smtp", "curl, SMTP", "a shell"),
    Stack("curl_rest", "curl, REST", "a shell"),
    Stack("swaks", "swaks", "a shell"),
    Stack("python", "Python, smtplib", "send.py"),
    Stack("django", "Django", "settings.py"),
    Stack("nodemailer", "Node.js, Nodemailer", "send.js", "npm install nodemailer"),
    Stack("cloudmailin", "Node.js, REST", "send.js", "npm install cloudmailin"),
    Stack("phpmailer", "PHP, PHPMailer", "send.php", "composer require phpmailer/phpmailer"),
    Stack("symfony", "PHP, Symfony Mailer", "send.php", "composer require symfony/mailer"),
    Stack("laravel", "Laravel", ".env"),
    Stack("ruby", "Ruby, mail", "send.rb", "gem install mail"),
    Stack("rails", "Ruby on Rails", "config/environments/production.rb"),
    Stack("go", "Go, net/smtp", "main.go"),
    Stack("java", "Java, Jakarta Mail", "Send.java", "org.eclipse.angus:jakarta.mail"),
    Stack("dotnet", ".NET, MailKit", "Program.cs", "dotnet add package MailKit"),
    Stack("msmtp", "msmtp", "~/.msmtprc"),
    Stack("postfix", "Postfix, as a relay", "/etc/postfix/main.cf"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code that works as it stands, but for a secret that we do not know."""

    stack: Stack
    text: str


def fill_in(access: Access) -> list[Snippet]:
    """Return every snippet with the values of an account."""
    values = _values(access)
    return [Snippet(stack, _text(stack.slug, values)) for stack in STACKS]


def first_command(access: Access) -> str:
    """Return the command that sends a first message out of a shell."""
    return _text("swaks", _values(access))


def _values(access: Access) -> Context:
    values = asdict(access) | {
        "port": access.port, "sender": access.sender, "url": access.url, "ca": CA_FILE,
    }  # fmt: skip
    return Context(values, autoescape=False)


def _text(slug: str, values: Context) -> str:
    return _engine().get_template(f"{slug}.txt").render(values).strip()


@cache
def _engine() -> Engine:
    # One of their own: what is code must not be escaped as HTML before the page does it.
    return Engine(dirs=[str(settings.BASE_DIR / "templates" / "snippets")], autoescape=False)
