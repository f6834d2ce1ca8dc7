//! The bytes of documents, which are on people's disks.

use super::*;

fn key() -> DocumentKey {
    DocumentKey {
        kind: "plan".into(),
        org: "".into(),
        id: "g".into(),
    }
}

#[test]
fn the_bytes_are_these() {
    assert_eq!(encode_key(&key()), b"plan\x00\x01\x00\x01g\x00\x01");
    assert_eq!(decode_key(&encode_key(&key())), Ok(key()));

    let kept = |body: Option<&str>| Kept {
        document: Document {
            version: 7,
            body: body.map(Into::into),
        },
        cursor: 9,
    };
    let head = [1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9];
    let there = [&head[..], &[1, 0, 0, 0, 2, b'{', b'}']].concat();
    let gone = [&head[..], &[0]].concat();
    assert_eq!(encode(&kept(Some("{}"))), there);
    assert_eq!(encode(&kept(None)), gone);
    assert_eq!(decode(&there).unwrap().document, kept(Some("{}")).document);
    assert_eq!(decode(&gone).unwrap().cursor, 9);
    assert!(decode(&[&head[..], &[2]].concat()).is_err());

    let change = encode_change(&key(), 7);
    assert_eq!(change, b"\x01\0\0\0\0\0\0\0\x07plan\x00\x01\x00\x01g\x00\x01");
    let decoded = decode_change(&9_u64.to_be_bytes(), &change).unwrap();
    assert_eq!((decoded.cursor, decoded.key, decoded.version), (Cursor(9), key(), 7));
}
