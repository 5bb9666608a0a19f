"""Where addresses lead, the odd ones included."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.outbound.addresses import AddressClass, carried, classify

KINDS = [
    ("8.8.8.8", AddressClass.PUBLIC),
    ("1.1.1.1", AddressClass.PUBLIC),
    ("172.15.255.255", AddressClass.PUBLIC),
    ("172.32.0.0", AddressClass.PUBLIC),
    ("100.63.255.255", AddressClass.PUBLIC),
    ("100.128.0.0", AddressClass.PUBLIC),
    ("192.0.1.1", AddressClass.PUBLIC),
    ("223.255.255.255", AddressClass.PUBLIC),
    ("2606:4700::1111", AddressClass.PUBLIC),
    ("2a00:1450:4001::200a", AddressClass.PUBLIC),
    ("::ffff:8.8.8.8", AddressClass.PUBLIC),
    ("64:ff9b::8.8.8.8", AddressClass.PUBLIC),
    ("0.0.0.0", AddressClass.UNSPECIFIED),
    ("0.1.2.3", AddressClass.UNSPECIFIED),
    ("10.0.0.1", AddressClass.PRIVATE),
    ("10.255.255.255", AddressClass.PRIVATE),
    ("100.64.0.1", AddressClass.SHARED),
    ("100.127.255.255", AddressClass.SHARED),
    ("100.100.100.200", AddressClass.METADATA),
    ("127.0.0.1", AddressClass.LOOPBACK),
    ("127.255.255.254", AddressClass.LOOPBACK),
    ("168.63.129.16", AddressClass.METADATA),
    ("169.254.0.1", AddressClass.LINK_LOCAL),
    ("169.254.169.254", AddressClass.METADATA),
    ("169.254.170.2", AddressClass.METADATA),
    ("172.16.0.1", AddressClass.PRIVATE),
    ("172.31.255.255", AddressClass.PRIVATE),
    ("192.0.0.1", AddressClass.RESERVED),
    ("192.0.0.192", AddressClass.METADATA),
    ("192.0.2.1", AddressClass.RESERVED),
    ("192.88.99.1", AddressClass.TUNNEL),
    ("192.168.1.1", AddressClass.PRIVATE),
    ("198.18.0.1", AddressClass.RESERVED),
    ("198.19.255.255", AddressClass.RESERVED),
    ("198.51.100.7", AddressClass.RESERVED),
    ("203.0.113.7", AddressClass.RESERVED),
    ("224.0.0.1", AddressClass.MULTICAST),
    ("239.255.255.250", AddressClass.MULTICAST),
    ("240.0.0.1", AddressClass.RESERVED),
    ("255.255.255.255", AddressClass.RESERVED),
    ("::", AddressClass.UNSPECIFIED),
    ("::1", AddressClass.LOOPBACK),
    ("::127.0.0.1", AddressClass.RESERVED),
    ("::ffff:127.0.0.1", AddressClass.LOOPBACK),
    ("::ffff:a9fe:a9fe", AddressClass.METADATA),
    ("::ffff:10.0.0.1", AddressClass.PRIVATE),
    ("::ffff:0:127.0.0.1", AddressClass.RESERVED),
    ("64:ff9b::127.0.0.1", AddressClass.LOOPBACK),
    ("64:ff9b::169.254.169.254", AddressClass.METADATA),
    ("64:ff9b:1::8.8.8.8", AddressClass.TUNNEL),
    ("100::1", AddressClass.RESERVED),
    ("2001::1", AddressClass.TUNNEL),
    ("2001:0:4136:e378:8000:63bf:80ff:fffe", AddressClass.TUNNEL),
    ("2001:10::1", AddressClass.TUNNEL),
    ("2001:20::1", AddressClass.TUNNEL),
    ("2001:db8::1", AddressClass.RESERVED),
    ("2002:7f00:1::", AddressClass.TUNNEL),
    ("2002:808:808::1", AddressClass.TUNNEL),
    ("2a00::5efe:7f00:1", AddressClass.TUNNEL),
    ("2a00::200:5efe:a00:1", AddressClass.TUNNEL),
    ("3fff::1", AddressClass.RESERVED),
    ("4000::1", AddressClass.RESERVED),
    ("5f00::1", AddressClass.RESERVED),
    ("fc00::1", AddressClass.PRIVATE),
    ("fd00:ec2::254", AddressClass.METADATA),
    ("fd20:ce::254", AddressClass.METADATA),
    ("fe80::1", AddressClass.LINK_LOCAL),
    ("fe80::1%eth0", AddressClass.LINK_LOCAL),
    ("2606:4700::1111%eth0", AddressClass.LINK_LOCAL),
    ("fec0::1", AddressClass.PRIVATE),
    ("ff02::1", AddressClass.MULTICAST),
]


@pytest.mark.parametrize(("address", "expected"), KINDS)
def test_an_address_leads_where_its_block_leads(address, expected):
    assert classify(address) is expected
    assert classify(ip_address(address)) is expected


@pytest.mark.parametrize("text", ["", "localhost", "0x7f.1", "127.1", "0177.0.0.1", "2130706433"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        classify(text)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_leads_where_the_plain_one_leads(plain):
    mapped = IPv6Address(0xFFFF_0000_0000 | int(plain))

    assert classify(mapped) is classify(plain)
    assert carried(mapped) == plain


@given(st.ip_addresses(v=4))
def test_python_calls_nothing_public_that_we_reach_and_it_would_not(plain):
    """Python's own table may lag behind ours, never be ahead of it."""
    if classify(plain) is AddressClass.PUBLIC:
        assert plain.is_global or plain in PUBLIC_THOUGH_SPECIAL


@given(st.ip_addresses(v=6))
def test_outside_of_the_global_block_nothing_is_public(address):
    if int(address) >> 125 != 1 and isinstance(carried(address), IPv6Address):
        assert classify(address) is not AddressClass.PUBLIC


PUBLIC_THOUGH_SPECIAL: tuple[IPv4Address, ...] = ()
