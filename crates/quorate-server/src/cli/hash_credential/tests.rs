//! Keys are read as serve reads them, and hashes are those that servers compute.

use super::{deployment_key, hash};

fn key_of(text: &str) -> Option<[u8; 32]> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("writes");
    deployment_key(file.path()).ok()
}

#[test]
fn a_key_is_64_hex_digits_and_nothing_else() {
    assert_eq!(key_of(&format!("{}\n", "0f".repeat(32))), Some([0x0f; 32]));
    for text in ["", "0f", &"0f".repeat(33), &"zz".repeat(32)] {
        assert_eq!(key_of(text), None, "{text}");
    }
    assert!(deployment_key("not/there".as_ref()).is_err());
}

#[test]
fn a_hash_depends_on_the_key_and_the_secret() {
    let one = hash(&[1; 32], "secret");
    assert_eq!(one, blake3::keyed_hash(&[1; 32], b"secret"));
    assert_ne!(one, hash(&[2; 32], "secret"));
    assert_ne!(one, hash(&[1; 32], "other"));
    assert_eq!(one.to_hex().len(), 64);
}
