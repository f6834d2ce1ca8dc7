//! What is counted of a message before it is read.

use prost::Message;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;

use super::{PARTS_MAX, decode, parts};

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
    assert_eq!(parts(&message.encode_to_vec()), 7);
    assert_eq!(parts(&[]), 0);
    assert_eq!(parts(&[0xFF]), 0);
}

#[test]
fn parts_are_counted_up_to_where_a_message_is_malformed_and_past_groups() {
    let many = [0x12, 0x00].repeat(PARTS_MAX + 1);
    let malformed = [many.as_slice(), &[0xFF]].concat();
    assert_eq!(parts(&malformed), PARTS_MAX + 1);
    let behind_a_group = [&[0x7B, 0x7B, 0x7C, 0x7C], many.as_slice()].concat();
    assert_eq!(parts(&behind_a_group), PARTS_MAX + 1);
    // A descriptor of one entry, which is followed by a group.
    assert_eq!(parts(&[0x12, 0x04, 0x0A, 0x00, 0x7B, 0x7C]), 2);
}

#[test]
fn groups_are_passed_over_as_deep_as_the_decoder_does() {
    for (depth, read) in [(100, true), (101, false), (1_000_000, false)] {
        let mut message = vec![0x7B; depth];
        message.resize(2 * depth, 0x7C);
        message.extend([0x12, 0x00]);
        assert_eq!(parts(&message), usize::from(read), "{depth}");
        assert_eq!(RateLimitRequest::decode(message.as_slice()).is_ok(), read, "{depth}");
    }
}

#[test]
fn a_known_field_of_another_wire_type_is_passed_over() {
    let whole = RateLimitRequest {
        domain: "d".to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: vec![Entry::default()],
            ..RateLimitDescriptor::default()
        }],
        hits_addend: 3,
    };
    let mistyped: [&[u8]; 7] = [
        // The domain as a number, descriptors as four bytes, hits as a text.
        &[0x08, 0x01],
        &[0x15, 1, 2, 3, 4],
        &[0x1A, 0x01, b'x'],
        // In a descriptor: an entry's key and the entry as numbers, the sign as a text, the limit's unit as a text.
        &[0x12, 0x04, 0x0A, 0x02, 0x08, 0x01],
        &[0x12, 0x02, 0x08, 0x01],
        &[0x12, 0x03, 0x22, 0x01, b'x'],
        &[0x12, 0x06, 0x12, 0x04, 0x08, 0x05, 0x12, 0x00],
    ];
    for bytes in mistyped {
        let message = [whole.encode_to_vec().as_slice(), bytes].concat();
        assert!(RateLimitRequest::decode(message.as_slice()).is_err(), "{bytes:?}");
        let read = decode(&message).unwrap_or_else(|error| panic!("{bytes:?}: {error}"));
        assert_eq!((&*read.domain, read.hits_addend), ("d", 3), "{bytes:?}");
        assert_eq!(read.descriptors[0], whole.descriptors[0], "{bytes:?}");
        let added = usize::from(bytes[0] == 0x12);
        assert_eq!(read.descriptors.len(), 1 + added, "{bytes:?}");
    }
    for bytes in [
        &[0xFF][..],
        &[0x08, 0x01, 0x0A, 0x02, 0xFF, 0xFE],
        &[0x08, 0x01, 0x12, 0x05],
    ] {
        assert!(decode(bytes).is_err(), "{bytes:?}");
    }
}
