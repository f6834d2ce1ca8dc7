//! What is refused before anything is connected, and what is never shown.

use super::{AddressError, Config, ConfigError, Tls};

#[test]
fn numbers_out_of_range_and_broken_secrets_are_refused() {
    let address = || Config::new("127.0.0.1:1");
    assert!(matches!(
        address().connections(0).channels(),
        Err(ConfigError::Range(..))
    ));
    assert!(matches!(
        address().connections(2_000).channels(),
        Err(ConfigError::Range(..))
    ));
    assert!(matches!(
        address().in_flight_max(0).channels(),
        Err(ConfigError::Range(..))
    ));
    assert!(matches!(
        address().bearer_token("a\nb").authorization(),
        Err(ConfigError::Token)
    ));
    let malformed = Config::new("ftp://a").channels();
    assert!(matches!(
        malformed,
        Err(ConfigError::Address(AddressError::Malformed(_)))
    ));
    let tls = Tls::new().authority("no PEM").identity("no PEM", "no PEM");
    assert!(matches!(address().tls(tls).channels(), Err(ConfigError::Tls(_))));
}

#[test]
fn secrets_are_not_shown() {
    let config = Config::new("127.0.0.1:1").bearer_token("hush");
    assert!(!format!("{config:?}").contains("hush"));
    let value = config.authorization().expect("a token").expect("is sent");
    assert!(value.is_sensitive());
    assert_eq!(value.to_str().ok(), Some("Bearer hush"));
}
