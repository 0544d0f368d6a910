"""What of an HTML text is replaced; html5lib and Ada, who read as browsers do, are the judges."""

import re

import ada_url
import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.tracked import html

SHOP = "https://shop.example/"


def links(text, *, is_utf8=True):
    """Return where the links lead that would be replaced."""
    places = html.places(text, opens=False, clicks=True, is_utf8=is_utf8)
    return [place.url for place in places]


def tracked(text):
    """Return a text with [URL] for each link and [] for the pixel, and the URLs."""
    places = html.places(text, opens=True, clicks=True, is_utf8=True)
    pieces, at = [], 0
    for place in places:
        pieces += [text[at : place.start], f"[{place.url}]"]
        at = place.end
    return "".join([*pieces, text[at:]])


class TestLinks:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ('<a href="https://shop.example/">', SHOP),
            ("<a href='https://shop.example/'>", SHOP),
            ("<a href=https://shop.example/>", SHOP),
            ("<A\nHREF =\t'HTTPS://shop.example/'>", "HTTPS://shop.example/"),
            ('<area shape="rect" href="https://shop.example/">', SHOP),
            ('<a class=x/href="https://shop.example/">', None),
            ('<a class="x"href="https://shop.example/">', SHOP),
            ('<a/href="https://shop.example/"/>', SHOP),
            ('<a title="a > b" href="https://shop.example/">', SHOP),
            ("<a title=it's href=https://shop.example/>", SHOP),
            ('<a href="  https://shop.\r\n  example/">', None),  # a blank in the host
            ('<a href="  https://shop.\r\nexample/\t ">', SHOP),
            ('<a href="https://shop.example/?a=1&amp;b=2&copy=3&#x26;c&copy;">',
             SHOP + "?a=1&b=2&copy=3&c%C2%A9"),
            ('<a href="https://shop.example/?q=%C3%BC%20%zz#top">', SHOP + "?q=%C3%BC%20%zz#top"),
            ('<a href="https://shop.example/a b?c d">', SHOP + "a%20b?c%20d"),
            ('<a href="https://bücher.example/ä?ö#ü">',
             "https://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"),
            ('<a href="http://user:pass@shop.example:8080/x">',
             "http://user:pass@shop.example:8080/x"),
            ('<a href="http://[2001:db8::1]/">', "http://[2001:db8::1]/"),
            ('<p title="<a href=https://shop.example/>">', None),
            ('<a href="#top">', None), ('<a href="/here">', None), ('<a href="//x.example">', None),
            ('<a href="mailto:a@b.example">', None), ('<a href="tel:+49">', None),
            ('<a href="javascript:alert(1)">', None), ('<a href="data:text/html,x">', None),
            ('<a href="https:/shop.example/">', None), ('<a href="https://">', None),
            ('<a href="">', None), ("<a href>", None), ("<a>", None),
            ('<a href="https://shop.example/{{ path }}">', None),
            ('<a href="*|UNSUB|*">', None), ('<a href="https://%%host%%/">', None),
            ('<a href="https://shop.example/${id}">', None),
            ('<a href="https://shop.example/&#0;">', SHOP + "%EF%BF%BD"),
            ('<a href="https://shop.example/&#1;x">', None),
            (f'<a href="https://shop.example/{"x" * 3000}">', None),
            ('<a data-cloudmta-no-track href="https://shop.example/">', None),
            ('<a href="https://shop.example/" DATA-CLOUDMTA-NO-TRACK=no>', None),
            ('<link href="https://shop.example/">', None),
            ('<abbr href="https://shop.example/">', None),
            ('<a href="https://shop.example/', None),  # it never ends
            ('</a href="https://shop.example/">', None),
            ('< a href="https://shop.example/">', None),
        ],
    )  # fmt: skip
    def test_which_are_replaced(self, text, url):
        assert links(text) == ([] if url is None else [url])

    @pytest.mark.parametrize(
        "text",
        [
            "<!-- %s -->", "<!--[if mso]>%s<![endif]-->", "<!-- %s", "<!-- -- > %s --!>",
            "<style>%s</style>", "<script>'</scripty>'%s</script >", "<title>%s</title>",
            "<textarea>%s</textarea>", "<STYLE type='>'>%s</style>", "<style>%s", "<?php %s",
            "<![CDATA[%s", "<p '%s",
        ],
    )  # fmt: skip
    def test_what_only_looks_like_a_link_stays(self, text):
        assert links(text % '<a href="https://shop.example/"') == []

    @pytest.mark.parametrize(
        "before",
        [
            "<!-->", "<!--->", "<!-- a -->", "<!--[if !mso]><!-->", "<![if !mso]>", "a < b",
            "</>", "</ a>", "<style></style>", "<script>'<a'</script>", "<!doctype html>", "<p '>",
            "<p a='>'>", "<title/>x</title>",
        ],
    )  # fmt: skip
    def test_what_follows_is_seen(self, before):
        assert links(before + f'<a href="{SHOP}">x</a>') == [SHOP]

    def test_the_first_of_two_addresses_counts(self):
        assert links('<a href="mailto:x@y.z" href="https://shop.example/">') == []
        assert links('<a href="https://shop.example/" href="https://b.example/">') == [SHOP]

    def test_what_is_not_ascii_stays_where_readers_differ_about_it(self):
        assert links('<a href="https://shop.example/?q=ü">', is_utf8=False) == []


class TestPixel:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("<html><body>x</body></html>", "<html><body>x[]</body></html>"),
            ("<p>x</p></BODY\n>", "<p>x</p>[]</BODY\n>"),
            ("<p>x</p></html>\r\n", "<p>x</p>[]</html>\r\n"),
            ("<p>x</p>\r\n", "<p>x</p>[]\r\n"),
            ("", "[]"),
            ("<!-- </body> --><p>x</body>", "<!-- </body> --><p>x[]</body>"),
            ("a</body>b</body>c", "a</body>b[]</body>c"),
        ],
    )
    def test_it_stands_at_the_end_of_what_is_shown(self, text, expected):
        assert tracked(text) == expected


URLS = st.one_of(
    st.sampled_from([
        SHOP, "http://a.example", "https://ü.example/ä?ö=ß#é", "mailto:a@b.c", "#x", "/x",
        "https://a.example/?a=1&amp;b=2&lt=3&copy;&notit;&#38;&#x26x", "https://a.example/{{x}}",
        " https://a.example/a b\r\n?c", "javascript:x", "https://", "https://a b/", "http:/x",
    ]),
    st.text(max_size=20).map(SHOP.__add__),
)  # fmt: skip
SCRAPS = st.sampled_from([
    "<", ">", '"', "'", "=", "/", " ", "\r\n", "-", "--", "!", "<!--", "-->", "<a ", "</a>", "<p ",
    "href", "href=", 'href="', "<style>", "</style>", "<script>", "</script>", "<title>", "</body>",
    "<body>", "</html>", "<![CDATA[", "<?", "text", "&amp;", "ü", "\0", "\f", " x='", "<area href=",
])  # fmt: skip
TAGS = st.builds(
    "<{}{}{}{}>".format,
    st.sampled_from(["a", "A", "area", "p", "abbr"]),
    st.sampled_from([" ", "\r\n", "/", " x ", ' x="y>"', " x=y ", " data-cloudmta-no-track "]),
    st.builds("href={0}{1}{0}".format, st.sampled_from(['"', "'", ""]), URLS),
    st.sampled_from(["", " ", "/", " /", ' x="<a href=https://b.example>"']),
)
TEXTS = st.lists(st.one_of(TAGS, SCRAPS, st.text(max_size=5)), max_size=12).map("".join)
OURS = "https://tracked.example/"


@given(TEXTS)
def test_whatever_the_text_links_lead_where_they_led_and_all_else_stays(text):
    places = html.places(text, opens=False, clicks=True, is_utf8=True)
    copy, at = "", 0
    for number, place in enumerate(places):
        copy += text[at : place.start] + f"{OURS}{number}"
        at = place.end
    copy += text[at:]

    before, after = shape(text), shape(copy)
    assert len(before) == len(after)
    for (name, attributes), (new_name, new_attributes) in zip(before, after, strict=True):
        href, new_href = attributes.pop("href", ""), new_attributes.pop("href", "")
        assert (name, attributes) == (new_name, new_attributes)
        if new_href.startswith(OURS):
            url = places[int(new_href.removeprefix(OURS))].url
            assert url.isascii() and not re.search(r"\s", url)
            assert normal(url) == normal(href)
        else:
            assert new_href == href
            is_for_us = name in ("a", "area") and html.NO_TRACK not in attributes
            assert not (is_for_us and href == SHOP)


def normal(url):
    """Return a URL as browsers do, or as it is where they cannot read it."""
    try:
        return ada_url.normalize_url(url)
    except ValueError:
        return url.strip()


def shape(text):
    """Return the elements and texts of a document, as a browser builds it."""
    # A parser drops these, each in its own place.
    tree = html5lib.parse(text.replace("\0", ""), namespaceHTMLElements=False)
    return [
        (str(element.tag), dict(element.attrib) | {"": (element.text, element.tail)})
        for element in tree.iter()
    ]


@pytest.mark.parametrize("scrap", ["<a ", "<!--", '<a x="', "<style>", "<a href=", "</", "<", "<a"])
def test_time_is_linear(scrap):
    assert links(scrap * 300_000) == []
