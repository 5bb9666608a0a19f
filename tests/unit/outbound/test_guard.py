"""URLs that strangers supply: none of these tricks passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.guard import (
    HTTPS,
    PLAIN_OR_TLS,
    WEBHOOK,
    Guard,
    Refusal,
    UrlRefused,
    UrlRule,
    check_url,
    may_reach,
)

BAD_HOSTS = [
    # Loopback, private and metadata addresses in their usual form.
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "198.18.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "224.0.0.1",
    "255.255.255.255",
    # Short, decimal, octal and hexadecimal forms of IPv4.
    "127.1",
    "127.0.1",
    "10.1",
    "0",
    "1",
    "2130706433",
    "2852039166",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.01",
    "0x7f000001",
    "0x7f.0.0.1",
    "0X7F.1",
    "0x7f.0x0.0x0.0x1",
    "0xa9.0xfe.0xa9.0xfe",
    "127.0.0.0x1",
    "0x",
    "1.0x",
    "256.256.256.256",
    "127.0.0.1.",
    "127.0.0.1..",
    "1.2.3.4.5",
    "foo.0x7f000001",
    "example.127",
    # IPv6, and IPv4 within it.
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:169.254.169.254]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fec0::1]",
    "[ff02::1]",
    "[2a00::5efe:7f00:1]",
    "[::1",
    "::1",
    "[127.0.0.1]",
    "[localhost]",
    "[::ffff:0177.0.0.1]",
    # Names that lead inside, and spellings of them.
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost.",
    "foo.localhost",
    "localhost.localdomain",
    "printer.local",
    "metadata",
    "metadata.google.internal",
    "metadata.google.internal.",
    "kubernetes.default.svc.cluster.local",
    "router.home.arpa",
    "1.0.0.127.in-addr.arpa",
    # Characters that become others on the way.
    "１２７.0.0.1",  # noqa: RUF001 - full-width digits
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ⓛocalhost",
    "ｌocalhost",  # noqa: RUF001 - a full-width letter
    "loca\u00adlhost",
    "local\u200bhost",
    "bücher.example",
    "%6c%6f%63%61%6c%68%6f%73%74",
    "127%2e0%2e0%2e1",
    "exa mple.com",
    "example.com\t",
    "exam\nple.com",
    "example.com\r\nHost:localhost",
    "example.com\x00.evil.example",
    # Two hosts in one.
    "example.com@127.0.0.1",
    "127.0.0.1@example.com",
    "user:password@example.com",
    "example.com:443@127.0.0.1",
    "example.com#@127.0.0.1",
    "127.0.0.1\\@example.com",
    "example.com\\.evil.example",
    "example.com:80:443",
    "127.0.0.1:443",
    # No host at all.
    "",
    ".",
    "..",
    "-example.com",
    "example-.com",
    "example..com",
    ".example.com",
    "example.com.",
    "a" * 64 + ".example.com",
    ".".join(["a" * 60] * 5),
]


def test_the_suite_is_as_long_as_promised():
    assert len(set(BAD_HOSTS)) == len(BAD_HOSTS) >= 60


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("rule", [HTTPS, WEBHOOK, PLAIN_OR_TLS])
def test_no_trick_passes(host, rule):
    with pytest.raises(UrlRefused):
        check_url(f"https://{host}/path", rule)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https",
        "https:",
        "https:/example.com/",
        "https:///example.com/",
        "https:example.com",
        "//example.com/",
        "example.com",
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:000443000/",
        "https://example.com:4e2/",
        "https://example.com:+443/",
        "https://example.com:٤٤٣/",
        "https://example.com/%",
        "https://example.com/%zz",
        "https://example.com/ ",
        " https://example.com/",
        "https://example.com/#here",
        "https://example.com/ü",
        "https://example.com/\r\nX: y",
        "https://example.com/" + "a" * 2048,
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript://example.com/%0aalert(1)",
        "ws://example.com/",
        "http+unix://example.com/",
        "http://example.com/",
        "https://example.com:22/",
        "https://example.com:8443/",
    ],
)
def test_a_url_of_another_form_is_refused(url):
    with pytest.raises(UrlRefused):
        check_url(url, HTTPS)


@pytest.mark.parametrize(
    ("url", "rule", "expected"),
    [
        ("https://example.com", HTTPS, "https://example.com/"),
        ("HTTPS://Example.COM:443/A?b=c", HTTPS, "https://example.com/A?b=c"),
        ("https://example.com?b=%2f", HTTPS, "https://example.com/?b=%2f"),
        ("https://xn--bcher-kva.example/", HTTPS, "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", HTTPS, "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", HTTPS, "https://[2606:4700::1111]/"),
        ("https://[::FFFF:8.8.8.8]/x", HTTPS, "https://[::ffff:808:808]/x"),
        ("https://example.com:8443/x", WEBHOOK, "https://example.com:8443/x"),
        ("http://example.com/x", PLAIN_OR_TLS, "http://example.com/x"),
        ("http://example.com:443/x", PLAIN_OR_TLS, None),
        ("http://example.com:8080/x", PLAIN_OR_TLS, "http://example.com:8080/x"),
    ],
)
def test_an_honest_url_passes_in_one_form(url, rule, expected):
    if expected is None:
        with pytest.raises(UrlRefused):
            check_url(url, rule)
    else:
        assert check_url(url, rule).url == expected
        assert check_url(expected, rule).url == expected


def test_each_refusal_says_what_was_expected():
    listed = UrlRule(hosts=("push.example.com", "*.push.example.org"))

    assert refusal("http://push.example.com/") == (Refusal.SCHEME, "a URL of https")
    assert refusal("https://push.example.com:22/") == (Refusal.PORT, "a URL at port 443")
    assert refusal("https://evil.example/", listed)[0] is Refusal.HOST
    assert refusal("https://10.0.0.1/") == (Refusal.ADDRESS, "a URL of a public address")
    assert refusal("nonsense")[0] is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("push.example.com", True),
        ("PUSH.example.com", True),
        ("a.push.example.org", True),
        ("a.b.push.example.org", True),
        ("push.example.org", False),
        ("evilpush.example.com", False),
        ("push.example.com.evil.example", False),
        ("apush.example.org", False),
        (".push.example.org", False),
        ("8.8.8.8", False),
    ],
)
def test_a_list_of_hosts_names_whole_labels(host, passes):
    rule = UrlRule(hosts=("push.example.com", "*.push.example.org"))

    if passes:
        assert check_url(f"https://{host}/", rule).host == host.lower()
    else:
        assert refusal(f"https://{host}/", rule)[0] is Refusal.HOST


def test_an_allowed_network_is_reached_over_http_at_any_port_whatever_the_list():
    guard = Guard(["127.0.0.0/8", "::1/128"])
    rule = UrlRule(hosts=("push.example.com",))

    assert guard.check_url("http://127.0.0.1:81/x", rule).port == 81
    assert guard.check_url("http://[::1]:81/x", rule).host == "::1"
    assert guard.check_url("http://localhost:81/x", rule).host == "localhost"
    assert guard.check_url("http://[::ffff:127.0.0.1]:81/", rule).port == 81


def test_an_allowed_network_opens_no_other():
    guard = Guard(["127.0.0.0/8"])

    for host in ("10.0.0.1", "169.254.169.254", "[::1]", "2130706433", "127.1", "0.0.0.0"):
        with pytest.raises(UrlRefused):
            guard.check_url(f"https://{host}/", PLAIN_OR_TLS)


def test_with_allowed_networks_an_inner_name_waits_for_its_address():
    guard = Guard(["10.0.0.0/8"])

    assert guard.check_url("http://gateway:8080/", PLAIN_OR_TLS).host == "gateway"
    assert guard.check_url("https://gateway.internal/").host == "gateway.internal"


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError, match="host bits"):
        Guard(["127.0.0.1/8"])


@given(st.text())
def test_no_text_breaks_the_check(text):
    for url in (text, f"https://{text}", f"https://{text}/", f"https://example.com{text}"):
        try:
            checked = check_url(url, WEBHOOK)
        except UrlRefused:
            continue
        assert check_url(checked.url, WEBHOOK) == checked


@given(st.ip_addresses())
def test_what_a_url_may_name_a_connection_may_reach(address):
    host = f"[{address}]" if address.version == 6 else str(address)

    assert (refusal(f"https://{host}/") is None) == may_reach(str(address))


def test_what_is_no_address_may_not_be_reached():
    assert not may_reach("localhost")


def refusal(url, rule=HTTPS):
    """Answer why a URL is refused, or None."""
    try:
        check_url(url, rule)
    except UrlRefused as refused:
        return refused.refusal, refused.expected
    return None
