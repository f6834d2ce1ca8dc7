//! What is counted of a message before it is read.

use prost::Message;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;

use super::parts;

#[test]
fn descriptors_and_entries_are_counted_as_they_stand_on_the_wire() {
    let descriptor = |entries| RateLimitDescriptor {
        entries: vec![Entry::default(); entries],
        hits_addend: Some(7),
        is_negative_hits: true,
        ..RateLimitDescriptor::default()
    };
    let message = RateLimitRequest {
        domain: "d".to_owned(),
        descriptors: vec![descriptor(0), descriptor(3), descriptor(1)],
        hits_addend: 1,
    };
    assert_eq!(parts(&message.encode_to_vec()), Ok(7));
    assert_eq!(parts(&[]), Ok(0));
    assert!(parts(&[0xFF]).is_err());
}
