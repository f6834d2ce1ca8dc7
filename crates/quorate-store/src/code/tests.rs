//! Keys keep their order, values come back, and what was never written is refused.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::grant::Account;

use super::*;

fn text() -> impl Strategy<Value = Arc<str>> {
    // Few characters, those that could be mistaken for marks among them, so that prefixes and ties are common.
    vec(
        prop::sample::select(vec!['\0', '\u{1}', 'a', 'b', '/', 'ÿ', '\u{10FFFF}']),
        0..4,
    )
    .prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn account() -> impl Strategy<Value = Account> {
    prop_oneof![
        Just(Account::Org),
        text().prop_map(Account::Key),
        text().prop_map(Account::Endpoint),
        vec((text(), text()), 0..3).prop_map(|pairs| Account::Each(pairs.into())),
    ]
}

proptest! {
    #[test]
    fn bytes_are_ordered_as_parts_are(a in (text(), any::<u64>(), text()), b in (text(), any::<u64>(), text())) {
        let bytes = |(first, number, last): &(Arc<str>, u64, Arc<str>)| {
            Writer::key().part(first).number(*number).part(last).finish()
        };
        prop_assert_eq!(a.cmp(&b), bytes(&a).cmp(&bytes(&b)));
    }

    #[test]
    fn accounts_come_back_and_keep_their_order(a in account(), b in account()) {
        prop_assert_eq!(decode_account(&encode_account(&a)), Ok(a.clone()));
        prop_assert_eq!(a.cmp(&b), encode_account(&a).cmp(&encode_account(&b)));
    }

    #[test]
    fn a_prefix_of_a_text_is_a_prefix_of_its_bytes(begin in text(), rest in text(), other in text()) {
        let prefix = Writer::key().part_begins(&begin).finish();
        let whole = Writer::key().part(&format!("{begin}{rest}")).finish();
        prop_assert!(whole.starts_with(&prefix));
        let other_bytes = Writer::key().part(&other).finish();
        prop_assert_eq!(other.starts_with(&*begin), other_bytes.starts_with(&prefix));
    }

    #[test]
    fn what_follows_a_prefix_is_after_all_that_begin_with_it(prefix in vec(any::<u8>(), 0..4), rest in vec(any::<u8>(), 0..4)) {
        let mut whole = prefix.clone();
        whole.extend(rest);
        match after_prefix(&prefix) {
            Some(end) => prop_assert!(whole < end && prefix < end),
            None => prop_assert!(prefix.iter().all(|byte| *byte == u8::MAX)),
        }
    }

    #[test]
    fn anything_may_be_read(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(account) = decode_account(&bytes) {
            prop_assert_eq!(encode_account(&account), bytes);
        }
    }
}

/// These bytes are on people's disks.
#[test]
fn the_bytes_are_these() {
    let key = Writer::key().part("a\0b").number(258).id(1).byte(7).finish();
    let mut expected = b"a\x00\xFFb\x00\x01".to_vec();
    expected.extend([0, 0, 0, 0, 0, 0, 1, 2]);
    expected.extend([0; 15]);
    expected.extend([1, 7]);
    assert_eq!(key, expected);

    let value = Writer::value(3).sized(b"xy").count(2).finish();
    assert_eq!(value, [3, 0, 0, 0, 2, b'x', b'y', 0, 0, 0, 2]);

    let each = Account::Each([("tag".into(), "x".into())].into());
    assert_eq!(encode_account(&Account::Org), [0]);
    assert_eq!(encode_account(&Account::Key("k".into())), b"\x01k\x00\x01");
    assert_eq!(encode_account(&Account::Endpoint("e".into())), b"\x02e\x00\x01");
    assert_eq!(encode_account(&each), b"\x03\x01tag\x00\x01x\x00\x01\x00");
}

#[test]
fn what_could_not_have_been_written_is_refused() {
    let refused = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Corrupt(_))));
    refused(Reader::key(b"abc").part().map(drop));
    refused(Reader::key(b"abc\x00").part().map(drop));
    refused(Reader::key(b"abc\x00\x02").part().map(drop));
    refused(Reader::key(b"\xC0\x00\x01").part().map(drop));
    refused(Reader::key(b"1234567").number().map(drop));
    refused(Reader::value(&[2], 1).map(drop));
    refused(Reader::value(&[], 1).map(drop));
    refused(Reader::key(&[255, 255, 255, 255, 1]).sized().map(drop));
    refused(Reader::key(&[1]).finish());
    refused(decode_account(&[9]).map(drop));
    refused(decode_account(&[0, 0]).map(drop));
}
