//! The bytes of rows, which are on people's disks.

use quorate_core::grant::Account;

use super::*;

#[test]
fn the_bytes_are_these() {
    let key = GrantKey {
        org: "acme".into(),
        quota: "m".into(),
        account: Account::Key("k".into()),
        period: "p".into(),
    };
    let bytes = encode_key(&key);
    assert_eq!(bytes, b"acme\x00\x01m\x00\x01\x01k\x00\x01p\x00\x01");
    assert_eq!(decode_key(&bytes), Ok(key));

    let grant = Grant {
        limit: 1,
        granted: 2,
        version: 3,
        holdings: [(HolderId(4), 5), (HolderId(6), 0)].into(),
    };
    let bytes = encode_grant(&grant);
    let mut expected = vec![1];
    for number in [1_u64, 2, 3] {
        expected.extend(number.to_be_bytes());
    }
    expected.extend([0, 0, 0, 1]);
    expected.extend(4_u128.to_be_bytes());
    expected.extend(5_u64.to_be_bytes());
    assert_eq!(bytes, expected);
    let kept = Grant {
        holdings: [(HolderId(4), 5)].into(),
        ..grant
    };
    assert_eq!(decode_grant(&bytes), Ok(kept));
}
