"""What people fill in about domains."""

from urllib.parse import urlsplit

from django import forms

from domains.models import Domain


class NewDomainForm(forms.Form):
    """Ask for a domain to send under."""

    domain = forms.CharField(
        max_length=300,
        label="Domain",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text="What stands behind the @ of the addresses that you send from: example.com. A "
        "sub-domain of its own, such as mail.example.com, keeps its reputation apart from that of "
        "your other mail.",
    )
    mta_label = forms.CharField(
        max_length=63,
        label="Name for bounces",
        initial="mta",
        help_text="Bounces come home to mta.example.com. Choose another word where that name is in "
        "use already.",
    )

    def clean_domain(self) -> str:
        """Take the domain out of an address or of a link, which people paste as well."""
        text: str = self.cleaned_data["domain"].strip()
        if "://" in text:
            try:
                text = urlsplit(text).hostname or text
            except ValueError:
                return text  # what is wrong with it is said by who reads domains
        return text.rpartition("@")[2]

    def clean_mta_label(self) -> str:
        return str(self.cleaned_data["mta_label"]).lower()


class TrackingForm(forms.Form):
    """Ask whether opens and clicks of mail under a domain are noticed."""

    CHOICES = (("account", "As the account has it"), ("yes", "Yes"), ("no", "No"))
    VALUES = {"account": None, "yes": True, "no": False}

    track_opens = forms.ChoiceField(choices=CHOICES, label="Notice when a message is opened")
    track_clicks = forms.ChoiceField(choices=CHOICES, label="Notice when a link in it is followed")

    @classmethod
    def of(cls, domain: Domain) -> "TrackingForm":
        """Return the form with what a domain has."""
        words = {value: word for word, value in cls.VALUES.items()}
        return cls(
            initial={
                "track_opens": words[domain.track_opens],
                "track_clicks": words[domain.track_clicks],
            }
        )

    def switches(self) -> dict[str, bool | None]:
        """Return what was chosen, as a domain has it."""
        return {name: self.VALUES[word] for name, word in self.cleaned_data.items()}


class ColleagueForm(forms.Form):
    """Ask who is to get the records."""

    email = forms.EmailField(
        label="E-mail address of your colleague",
        help_text="Whoever looks after your DNS. They need no log-in.",
    )
