//! Addresses of every form, and what is none.

use super::{Address, AddressError, Place};

fn tcp(host: &str, port: u16) -> Place {
    Place::Tcp {
        host: host.to_owned(),
        port,
    }
}

#[test]
fn addresses_of_every_form_are_understood() {
    let cases = [
        ("127.0.0.1:8081", false, tcp("127.0.0.1", 8081), "http"),
        ("localhost", false, tcp("localhost", 80), "http"),
        ("http://a.example:1", false, tcp("a.example", 1), "http"),
        ("https://a.example", false, tcp("a.example", 443), "https"),
        ("https://a.example", true, tcp("a.example", 443), "https"),
        ("a.example:1", true, tcp("a.example", 1), "https"),
        ("http://[::1]:8081", false, tcp("::1", 8081), "http"),
        ("[::1]:8081", false, tcp("::1", 8081), "http"),
        ("unix:/run/a.sock", false, Place::Unix("/run/a.sock".into()), "http"),
        ("unix:///run/a.sock", false, Place::Unix("/run/a.sock".into()), "http"),
    ];
    for (text, tls, place, scheme) in cases {
        let address = Address::parse(text, tls).expect(text);
        assert_eq!(
            (address.place, address.uri.scheme_str()),
            (place, Some(scheme)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "unix:",
        "ftp://a",
        "http://",
        "a b",
        "http://a:99999",
        "http://a:",
        "http://me@a:1",
    ] {
        let refused = Address::parse(text, false);
        assert_eq!(refused, Err(AddressError::Malformed(text.to_owned())));
    }
    assert_eq!(Address::parse("unix:/a", true), Err(AddressError::TlsOverUnix));
    assert_eq!(Address::parse("http://a", true), Err(AddressError::TlsOverHttp));
}
