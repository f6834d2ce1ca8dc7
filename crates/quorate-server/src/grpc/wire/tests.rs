//! Reading and writing against what protobuf says, and against prost.

use std::convert::Infallible;

use proptest::prelude::*;
use prost::Message;
use quorate_api::v1;

use super::*;

fn fields(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
    Fields::of(bytes).collect()
}

#[test]
fn fields_are_read_in_order() {
    let bytes = [
        0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1D, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    let read = fields(&bytes).expect("it is a message");
    let expected = [
        (1, Value::Varint(150)),
        (2, Value::Bytes(b"hi")),
        (3, Value::Fixed),
        (4, Value::Fixed),
    ];
    assert_eq!(read, expected);
    assert_eq!(fields(&[]), Ok(Vec::new()));
}

#[test]
fn what_is_broken_is_named() {
    for (bytes, malformed) in [
        (&[0x08][..], Malformed::Truncated),
        (&[0x08, 0x80], Malformed::Truncated),
        (&[0x12, 0x03, b'h', b'i'], Malformed::Truncated),
        (&[0x1D, 1, 2, 3], Malformed::Truncated),
        (&[0x21, 1, 2, 3, 4, 5, 6, 7], Malformed::Truncated),
        (
            &[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
            Malformed::Varint,
        ),
        (
            &[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            Malformed::Varint,
        ),
        (&[0x00, 0x01], Malformed::Tag),
        (&[0x0B, 0x0C], Malformed::Tag),
        (&[0x0F, 0x00], Malformed::Tag),
        (&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x00], Malformed::Tag),
    ] {
        assert_eq!(fields(bytes), Err(malformed), "{bytes:?}");
    }
    assert_eq!(Value::Varint(1).text(7), Err(Malformed::Type(7)));
    assert_eq!(Value::Bytes(b"").uint(7), Err(Malformed::Type(7)));
    assert_eq!(Value::Bytes(&[0xFF]).text(7), Err(Malformed::Text(7)));
    let most = [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
    assert_eq!(fields(&most), Ok(vec![(1, Value::Varint(u64::MAX))]));
}

#[test]
fn an_error_ends_the_fields() {
    let mut broken = Fields::of(&[0x00, 0x08, 0x01]);
    assert_eq!(broken.next(), Some(Err(Malformed::Tag)));
    assert_eq!(broken.next(), None);
    let mut numbers = varints(&[0x01, 0x80]);
    assert_eq!(numbers.next(), Some(Ok(1)));
    assert_eq!(numbers.next(), Some(Err(Malformed::Truncated)));
    assert_eq!(numbers.next(), None);
}

#[test]
fn enum_numbers_are_32_bits() {
    assert_eq!(enum_number(3), 3);
    assert_eq!(enum_number(u64::MAX), -1);
    assert_eq!(enum_number((1 << 32) + 2), 2);
}

#[test]
fn a_failed_message_leaves_nothing_behind() {
    let mut out = vec![7];
    let failed = frame(&mut out, |out| {
        nested(out, 1, |out| {
            put_text(out, 1, "half");
            Err("broken")
        })
    });
    assert_eq!((failed, out.as_slice()), (Err("broken"), &[7_u8][..]));
}

#[test]
fn a_frame_says_how_long_it_is() {
    let mut out = vec![7];
    let Ok(()) = frame(&mut out, |out| {
        put_uint(out, 1, 150);
        Ok::<_, Infallible>(())
    });
    assert_eq!(out, [7, 0, 0, 0, 0, 3, 0x08, 0x96, 0x01]);
}

proptest! {
    /// Every length of a nested message is written as prost writes it: one byte, two, three.
    #[test]
    fn nested_messages_are_as_prost_writes_them(
        name in "[a-z]{0,40}",
        value in prop_oneof!["[a-z]{0,200}", "[a-z]{16000,17000}"],
        number in any::<u64>(),
        truth in any::<bool>(),
    ) {
        let message = v1::ShouldAllowResponse {
            allowed: truth,
            limit: number,
            headers: vec![v1::Header { name: name.clone(), value: value.clone() }, v1::Header::default()],
            ..v1::ShouldAllowResponse::default()
        };
        let mut out = Vec::new();
        put_bool(&mut out, 1, truth);
        put_uint(&mut out, 6, number);
        let Ok(()) = nested(&mut out, 19, |out| {
            put_text(out, 1, &name);
            put_text(out, 2, &value);
            Ok::<_, Infallible>(())
        });
        put_message(&mut out, 19, &v1::Header::default());
        prop_assert_eq!(out, message.encode_to_vec());
    }

    /// Numbers come back as they were written.
    #[test]
    fn numbers_come_back(numbers in proptest::collection::vec(any::<u64>(), 0..20)) {
        let mut out = Vec::new();
        for number in &numbers {
            prost::encoding::encode_varint(*number, &mut out);
        }
        let read: Result<Vec<u64>, Malformed> = varints(&out).collect();
        prop_assert_eq!(read, Ok(numbers));
    }
}
