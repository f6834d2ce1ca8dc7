//! Which of a table's partitions a row is in, where one partition would grow without bound and one per row could not be
//! read in order. Part of the format: what is written in one bucket is looked for there for ever.

/// How many partitions the documents of one kind are in. 32 of 100 MB, which is what a partition may grow to, hold six
/// million documents of 500 bytes.
pub(crate) const DOCUMENTS: i32 = 32;
/// How many partitions the levels of pools are in: a hundred thousand orgs with one pool of 100 bytes make 300 KB each.
/// A server's orgs are spread, so a write of many levels is 32 operations.
pub(crate) const POOLS: i32 = 32;
/// How many partitions the names of pieces are in. Names come and go with every restart; 8 keep what is deleted and not
/// yet forgotten far below what makes a read fail.
pub(crate) const PIECES: i32 = 8;

/// The bucket of a name among `count`: FNV-1a, 32 bits, modulo.
pub(crate) fn of(name: &str, count: i32) -> i32 {
    const BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = name
        .bytes()
        .fold(BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    let count = u32::try_from(count).expect("a positive constant");
    i32::try_from(hash % count).expect("less than a count of the same type")
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENTS, of};

    /// Published values of FNV-1a: `""` is 811c9dc5, `"a"` e40c292c, `"foobar"` bf9cf968.
    #[test]
    fn the_hash_is_the_published_one_and_stays_so() {
        assert_eq!(of("", 1 << 30), 0x811c_9dc5_u32.cast_signed() & 0x3fff_ffff);
        assert_eq!(of("a", 1 << 30), 0xe40c_292c_u32.cast_signed() & 0x3fff_ffff);
        assert_eq!(of("foobar", 1 << 30), 0xbf9c_f968_u32.cast_signed() & 0x3fff_ffff);
    }

    #[test]
    fn names_spread_over_all_buckets() {
        let mut count = vec![0; usize::try_from(DOCUMENTS).expect("positive")];
        for number in 0..3_200 {
            count[usize::try_from(of(&format!("org-{number}"), DOCUMENTS)).expect("positive")] += 1;
        }
        assert!(count.iter().all(|rows| (30..=200).contains(rows)), "{count:?}");
    }
}
