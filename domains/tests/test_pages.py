import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.people import Shop, link_in, text_of
from domains import needs, sending_domains, shared
from domains.models import Domain
from messages.tests.factories import AccountFactory, UserFactory

LIST, NEW = reverse("domain-list"), reverse("domain-new")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def alice(client, shop):
    client.force_login(shop.alice)
    return client


@pytest.fixture
def domain(shop):
    return sending_domains.add(shop.account, "shop.alices.example")


def page(name, domain):
    return reverse(f"domain-{name}", args=[domain.public_id])


def publish(dns, domain, **values):
    for record in needs.of(domain).records:
        dns.publish(record.name, record.type, [values.get(record.type, record.value)])


def adds(client, domain, mta_label="mta"):
    return client.post(NEW, {"domain": domain, "mta_label": mta_label}, follow=True)


class TestList:
    def test_an_empty_one_says_the_next_step(self, alice):
        answer = alice.get(LIST)

        assert "No domain yet" in text_of(answer)
        assert NEW in answer.content.decode()

    def test_it_says_in_words_what_is_wrong(self, alice, domain, dns):
        sending_domains.verify(domain)

        assert "Add the CNAME record mta.shop.alices.example" in text_of(alice.get(LIST))

    def test_it_goes_on_by_name(self, alice, shop, django_assert_max_num_queries):
        Domain.objects.bulk_create(
            Domain(account=shop.account, name=f"d{number:02}.alices.example")
            for number in range(53)
        )

        with django_assert_max_num_queries(15):
            first = alice.get(LIST)
        second = alice.get(LIST + "?after=d49.alices.example")

        assert "?after=d49.alices.example" in first.content.decode()
        assert "d50.alices.example" in text_of(second)
        assert "d49.alices.example" not in text_of(second)
        assert alice.get(LIST + "?after=%00").status_code == 200


class TestAdding:
    def test_it_leads_to_the_records(self, alice, shop):
        answer = adds(alice, "Alices.Example", "Bounces")

        domain = Domain.objects.get()
        assert answer.redirect_chain[-1][0] == page("detail", domain)
        assert domain.mta_domain == "bounces.alices.example"
        assert (
            str(AuditEntry.objects.get()) == "alice@alices.example added the domain alices.example"
        )

    @pytest.mark.parametrize(
        "written", ["https://alices.example/shop?x=1", "alice@alices.example", " alices.example. "]
    )
    def test_what_people_paste_is_understood(self, alice, written):
        adds(alice, written)

        assert Domain.objects.get().name == "alices.example"

    def test_a_name_beyond_ascii_is_shown_as_it_is_written(self, alice):
        answer = adds(alice, "bücher.example")

        assert Domain.objects.get().name == "xn--bcher-kva.example"
        assert "bücher.example" in text_of(answer)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("co.uk", "is a public suffix"),
            ("192.0.2.1", "give a name such as example.com"),
            ("http://[", "give a name such as example.com"),
            (HOSTILE, "give a name such as example.com"),
            ("mta.cloudmta.test", "belongs to this service"),
            ("", "This field is required"),
        ],
    )
    def test_what_cannot_be_is_said_at_the_field(self, alice, name, words):
        answer = adds(alice, name)

        assert words in text_of(answer)
        assert HOSTILE not in answer.content.decode()
        assert not Domain.objects.exists()

    def test_a_taken_one_is_explained_and_nobody_learns_whose_it_is(self, alice, domain):
        bobs = AccountFactory(name="Bob's")
        sending_domains.add(bobs, "bobs.example")

        assert "You have it already" in text_of(adds(alice, domain.name))
        answer = text_of(adds(alice, "bobs.example"))
        assert "Another account has added this domain already" in answer
        assert "Bob" not in answer


class TestRecords:
    def test_each_has_its_short_and_its_full_name(self, alice, domain):
        answer = text_of(alice.get(page("detail", domain)))

        selector = domain.signing_keys.get().selector
        assert "mta.shop Copy or in full mta.shop.alices.example Copy" in answer
        assert f"{selector}._domainkey.shop Copy or in full" in answer
        assert "not checked yet" in answer

    def test_what_was_found_stands_beside_what_we_ask_for(self, alice, domain, dns, settings):
        publish(dns, domain, CNAME="elsewhere.example.")
        answer = alice.post(page("check", domain), follow=True)

        text = text_of(answer)
        assert settings.OPERATOR_HOST in text
        assert "elsewhere.example" in text
        assert "change the target of the CNAME" in text
        assert "127.0.0.1" in text

    def test_remote_text_is_text(self, alice, domain, dns):
        dns.publish(f"_dmarc.{domain.name}", "TXT", [f"v=DMARC1; p=none; {HOSTILE}"])
        answer = alice.post(page("check", domain), follow=True)

        assert "&lt;script&gt;" in answer.content.decode()
        assert HOSTILE not in answer.content.decode()

    def test_the_provider_is_known_by_the_name_servers(self, alice, domain, dns):
        dns.publish("alices.example", "NS", ["ada.ns.cloudflare.com."])
        answer = alice.post(page("check", domain), follow=True)

        assert "At Cloudflare" in text_of(answer)
        assert "grey cloud" in text_of(answer)

    def test_several_dmarc_records_become_one(self, alice, domain, dns):
        dns.publish(f"_dmarc.{domain.name}", "TXT", ["v=DMARC1; p=none", "v=DMARC1; p=reject"])
        answer = alice.post(page("check", domain), follow=True)

        assert "v=DMARC1; p=reject Copy" in text_of(answer)

    def test_a_domain_without_a_key_says_so(self, alice, domain):
        domain.signing_keys.all().delete()

        assert "It has no signing key" in text_of(alice.get(page("detail", domain)))

    def test_a_long_value_is_there_in_strings_too(self, alice, domain):
        assert "&quot;v=DKIM1; h=sha256;" in alice.get(page("detail", domain)).content.decode()

    def test_aliases_are_offered_where_there_is_a_zone_for_them(self, alice, domain, settings):
        settings.DKIM_ZONE = "dkim.operator.example"
        offered = text_of(alice.get(page("detail", domain)))
        settings.DKIM_ZONE = ""

        for selector in (domain.signing_keys.get().selector, domain.spare_selector):
            assert f"{selector}.{domain.public_id}.dkim.operator.example" in offered
        assert "CNAME in place of" not in text_of(alice.get(page("detail", domain)))


class TestCheck:
    def test_htmx_gets_the_records_alone(self, alice, domain, dns):
        publish(dns, domain)

        answer = alice.post(page("check", domain), headers={"HX-Request": "true"})

        text = text_of(answer)
        assert text.startswith("✓ verified")
        assert "All records that shop.alices.example needs were found." in text
        assert "<html" not in answer.content.decode()

    def test_it_rests_for_ten_seconds(self, alice, domain, dns):
        alice.post(page("check", domain))
        before = Domain.objects.get().checked_at

        answer = alice.post(page("check", domain), follow=True)

        assert "DNS was asked a moment ago" in text_of(answer)
        assert Domain.objects.get().checked_at == before

    def test_the_page_asks_only_for_what_is_new(self, alice, domain, dns):
        answer = alice.get(page("records", domain))
        seen = answer.content.decode().partition("?seen=")[2].partition('"')[0]
        same = alice.get(f"{page('records', domain)}?seen={seen}")
        sending_domains.verify(domain)
        other = alice.get(f"{page('records', domain)}?seen={seen}")

        assert same.status_code == 204
        assert "not found" in text_of(other)


class TestZoneFile:
    def test_bind_reads_it(self, alice, domain, settings):
        import dns.zone  # the fixture of that name is none of this test's

        answer = alice.get(page("zone-file", domain))

        zone = dns.zone.from_text(answer.content.decode(), "alices.example", check_origin=False)
        (key,) = domain.signing_keys.all()
        texts = zone.find_rdataset(f"{key.selector}._domainkey.shop", "TXT")
        assert b"".join(texts[0].strings).endswith(key.public_key.encode())
        alias = zone.find_rdataset("mta.shop", "CNAME")[0]
        assert alias.target.to_text() == f"{settings.OPERATOR_HOST}."
        assert 'filename="shop.alices.example.txt"' in answer.headers["Content-Disposition"]


class TestColleague:
    def test_a_colleague_gets_the_records_and_a_link(self, alice, domain, client):
        answer = alice.post(page("send", domain), {"email": "carol@it.example"}, follow=True)

        assert "carol@it.example has a message" in text_of(answer)
        (message,) = mail.outbox
        assert message.to == ["carol@it.example"]
        for record in needs.of(domain).records:
            assert record.value in message.body
        client.logout()
        shown = client.get(link_in(message))
        assert "DNS records of shop.alices.example" in text_of(shown)
        assert shown.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "csrf" not in shown.content.decode()
        assert AuditEntry.objects.get().thing == "carol@it.example: shop.alices.example"

    def test_it_does_not_bother_people(self, alice, domain, monkeypatch):
        monkeypatch.setattr(shared, "A_DAY", 1)
        alice.post(page("send", domain), {"email": "carol@it.example"})

        answer = alice.post(page("send", domain), {"email": "dave@it.example"})

        assert "within a day" in text_of(answer)
        assert len(mail.outbox) == 1

    @pytest.mark.parametrize("ending", ["forged", "deleted", "closed"])
    def test_a_link_ends(self, client, domain, ending):
        token = shared.token(domain)
        if ending == "forged":
            token = token[:-1] + ("A" if token[-1] != "A" else "B")
        elif ending == "deleted":
            domain.delete()
        else:
            domain.account.closed_at = timezone.now()
            domain.account.save()

        for name in ("domain-shared", "domain-shared-file"):
            assert client.get(reverse(name, args=[token])).status_code == 404

    def test_it_has_the_zone_file_as_well(self, client, domain):
        answer = client.get(reverse("domain-shared-file", args=[shared.token(domain)]))

        assert b" IN CNAME " in answer.content


class TestActs:
    def test_tracking_is_switched(self, alice, domain):
        alice.post(page("tracking", domain), {"track_opens": "yes", "track_clicks": "account"})

        domain.refresh_from_db()
        assert (domain.track_opens, domain.track_clicks) == (True, None)
        assert AuditEntry.objects.get().verb == "changed the tracking of"

    def test_nonsense_switches_nothing(self, alice, domain):
        answer = alice.post(page("tracking", domain), {"track_opens": "maybe"}, follow=True)

        assert "Nothing was changed" in text_of(answer)

    def test_a_new_key_is_shown_with_its_record(self, alice, domain):
        Domain.objects.update(verified_at=timezone.now())

        answer = text_of(alice.post(page("rotate", domain), follow=True))

        assert domain.signing_keys.get(state="next").selector in answer
        assert "waits for its record" in answer
        assert AuditEntry.objects.get().verb == "made a new signing key for"

    def test_one_that_cannot_be_made_is_explained(self, alice, domain):
        answer = alice.post(page("rotate", domain), follow=True)

        assert "have it verified first." in text_of(answer)
        assert not AuditEntry.objects.exists()

    def test_it_asks_before_it_deletes(self, alice, domain):
        assert "is refused from this moment" in text_of(alice.get(page("delete", domain)))
        assert Domain.objects.exists()

        alice.post(page("delete", domain))

        assert not Domain.objects.exists()
        assert AuditEntry.objects.get().thing == "shop.alices.example"

    def test_it_warns_of_the_domain_of_our_own_mail(self, alice, domain, settings):
        settings.DEFAULT_FROM_EMAIL = "CloudMTA <x@shop.alices.example>"

        assert "of this service itself" in text_of(alice.get(page("delete", domain)))


LOOKS = ["detail", "records", "zone-file"]
ASKS = ["send", "delete"]
CHANGES = ["check", "send", "rotate", "tracking", "delete"]


class TestWhoMay:
    @pytest.mark.parametrize("name", LOOKS + ASKS)
    def test_another_accounts_domain_is_not_there(self, client, domain, name):
        client.force_login(UserFactory(account=AccountFactory()))

        assert client.get(page(name, domain)).status_code == 404

    @pytest.mark.parametrize("name", CHANGES)
    def test_nor_can_it_be_changed(self, client, domain, name):
        client.force_login(UserFactory(account=AccountFactory()))

        assert client.post(page(name, domain)).status_code == 404
        assert Domain.objects.exists()

    @pytest.mark.parametrize("who", ["viewer", "developer"])
    @pytest.mark.parametrize("name", CHANGES)
    def test_a_smaller_role_changes_nothing(self, client, shop, domain, who, name):
        client.force_login(getattr(shop, who))

        assert client.post(page(name, domain)).status_code == 403
        assert client.post(NEW, {"domain": "new.example"}).status_code == 403
        assert Domain.objects.count() == 1

    @pytest.mark.parametrize("name", LOOKS)
    def test_a_viewer_looks(self, client, shop, domain, name):
        client.force_login(shop.viewer)

        assert client.get(page(name, domain)).status_code == 200
        assert "<form" not in client.get(page("records", domain)).content.decode()

    @pytest.mark.parametrize("name", LOOKS + ASKS)
    def test_who_is_logged_out_goes_to_the_log_in(self, client, domain, name):
        assert client.get(page(name, domain)).headers["Location"].startswith(reverse("log-in"))
