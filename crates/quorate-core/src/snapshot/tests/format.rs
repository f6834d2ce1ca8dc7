//! The bytes, and what is not taken for them.

use proptest::prelude::*;

use super::life::{HOUR, KEY, Life, MINUTE, limit, sliding};
use crate::limit::Algorithm;
use crate::snapshot::bytes::{HASH_BYTES, put_number, seal, unseal};
use crate::snapshot::{Clocks, FORMAT, Head, Piece, ReadError, Scope, Which};
use crate::time::{Instant, SECOND};
use crate::window::exact::{cases, period};

const START: u64 = 1_700_000_000 * SECOND;

fn piece() -> Vec<u8> {
    let every = period(HOUR);
    let limits = vec![
        limit("m", sliding(MINUTE), 10),
        limit("h", sliding(HOUR), 1_000),
        limit("b", Algorithm::TokenBucket { refill: 3, every }, 50),
        limit("f", Algorithm::FixedWindow { window: every }, 50),
    ];
    let mut life = Life::begin(limits, 2);
    assert!(life.ask("first", 2, START));
    assert!(life.ask("first", 1, START + SECOND));
    assert!(life.ask("second", 5, START + SECOND));
    let pieces = life.collect(Which::All, START + 2 * SECOND);
    assert_eq!(pieces.len(), 1);
    pieces[0].clone()
}

fn head() -> Head {
    Head {
        hash_key: KEY,
        incarnation: 0x0102_0304_0506_0708,
        stopped: true,
        valid_from: 258,
        instant: Instant(START),
        clocks: Clocks {
            wall_ns: START + 5,
            boot: Some(([9; 16], 77)),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn bytes_are_those_of_format_2() {
    // Servers of this format will find such bytes: what changes them is another format.
    assert_eq!(hex(&piece()), GOLDEN_PIECE);
    assert_eq!(hex(&head().write()), GOLDEN_HEAD);
}

const GOLDEN_PIECE: &str = "\
    0200400200000000000000000000000200000000945fadfe9c97170004016d087265717565737473000080b09dc2df010168\
    087265717565737473000080c0e285e3680162087265717565737473010380c0e285e3680166087265717565737473020080\
    c0e285e3680105ba63ba941ecf28e1605325fa0f9dcebfce972f00000363e363e31de79dff9caf5e0000038e3f8e3f9d3f80\
    c08ab7c688e8cb179ee91c030105ba43c6dc1ae610a7e2f97c510f9dcebfce972f0000051de71de71de71de71de79dff9caf\
    5e0000059d3f9d3f9d3f9d3f9d3f80d48cedb6cee8cb179ee91c0501053713eb5b4287a5703687df41eb0c";
const GOLDEN_HEAD: &str = "\
    0207070707070707070707070707070707080706050403020101020100000000000000002a36fe9c971705002a36fe9c97\
    1701090909090909090909090909090909094d0000000000000059f308aa51aea3ed08abf2ebfeaf8191";

#[test]
fn what_is_written_is_what_is_read() {
    let read = Piece::read(&piece(), &KEY).expect("it is whole");
    assert_eq!(
        (read.title.scope, read.title.shards, read.title.incarnation),
        (Scope::All, 64, 2)
    );
    assert_eq!(read.instant, Instant(START + 2 * SECOND));
    assert_eq!(read.layouts.len(), 1);
    assert_eq!(read.entries.len(), 2);
    for without_boot in [false, true] {
        let mut head = head();
        if without_boot {
            head.clocks.boot = None;
        }
        assert_eq!(Head::read(&head.write()), Ok(head));
    }
}

#[test]
fn no_damage_goes_unnoticed() {
    type IsRead = fn(&[u8]) -> bool;
    let reads: [(Vec<u8>, IsRead); 2] = [
        (piece(), |bytes| Piece::read(bytes, &KEY).is_ok()),
        (head().write(), |bytes| Head::read(bytes).is_ok()),
    ];
    for (whole, is_read) in reads {
        assert!(is_read(&whole));
        for place in 0..whole.len() {
            assert!(!is_read(&whole[..place]), "cut at {place}");
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                assert!(!is_read(&damaged), "bit {bit} of byte {place}");
            }
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(!is_read(&longer));
    }
    assert_eq!(Piece::read(&piece(), &[8; 16]), Err(ReadError::Damaged), "another key");
}

#[test]
fn another_format_is_named() {
    let (mut piece, mut head) = (piece(), head().write());
    (piece[0], head[0]) = (3, 3);
    let error = Piece::read(&piece, &KEY).expect_err("it is newer");
    assert_eq!(
        error.to_string(),
        "it has format 3, and this version reads format 2 only"
    );
    assert_eq!(Head::read(&head), Err(ReadError::Format(3)));
}

#[test]
fn numbers_have_one_length_each() {
    for number in [0, 1, 127, 128, 16_383, 16_384, u64::MAX - 1, u64::MAX] {
        let mut bytes = vec![FORMAT];
        put_number(&mut bytes, number);
        seal(&mut bytes, &KEY);
        let mut read = unseal(&bytes, &KEY).expect("it is sealed");
        assert_eq!(read.number(), Ok(number));
        assert!(read.is_empty());
    }
    // Eleven groups, and a tenth of which more than one bit is used.
    for long in [[0x80; 11], [0xFF; 11]] {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&long);
        seal(&mut bytes, &KEY);
        assert_eq!(
            unseal(&bytes, &KEY).expect("it is sealed").number(),
            Err(ReadError::Damaged)
        );
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_bytes_that_are_sealed_make_a_table_fail(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = piece();
        bytes.truncate(bytes.len() - HASH_BYTES);
        for (place, value) in changes {
            // Not the format.
            let place = 1 + place.index(bytes.len() - 1);
            bytes[place] = value;
        }
        if cuts {
            bytes.truncate(1 + cut.index(bytes.len()));
        }
        seal(&mut bytes, &KEY);
        if Piece::read(&bytes, &KEY).is_ok() {
            let limits = vec![limit("m", sliding(MINUTE), 10), limit("h", sliding(HOUR), 1_000)];
            let mut life = Life::begin(limits, 0);
            life.restore(&bytes, Scope::All, SECOND, START + MINUTE);
            for key in ["first", "second"] {
                life.ask(key, 1, START + MINUTE);
                life.ask_as(key, 1, START + 2 * MINUTE, |ask| ask.refund = true);
            }
            life.collect(Which::All, START + 2 * MINUTE);
        }
    }
}
