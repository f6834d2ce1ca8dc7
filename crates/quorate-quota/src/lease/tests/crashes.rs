//! Processes that crash one after the other: what all of them together strand, as `docs/quotas.md` bounds it.

use quorate_core::grant::HolderId;
use quorate_core::time::SECOND;

use super::super::{Kind, Lease, Terms};
use super::desk::Desk;
use crate::bounds::{CHUNK_SHARE, FIRST_CHUNK_SHARE};

/// One after the other, so many processes begin, spend and crash; what is granted of a limit, and what they spent. `life`
/// spends, and is told which life it is.
fn crash(limit: u64, lives: u64, mut life: impl FnMut(u64, &mut Desk)) -> (u64, u64) {
    let (mut desk, mut spent) = (Desk::hard(limit), 0);
    for number in 0..lives {
        let terms = Terms::new(limit, Kind::Hard, [].into());
        // Nothing of the one before is left but its row and the time.
        let next = Desk {
            lease: Lease::new(HolderId(u128::from(number) + 1), number, terms),
            store: core::mem::take(&mut desk.store),
            now: desk.now.after(SECOND),
            ..Desk::hard(limit)
        };
        desk = next;
        let before = desk.store.granted();
        life(number, &mut desk);
        let stranded = desk.store.granted() - before - desk.spent;
        let chunk = desk.takes().into_iter().max().unwrap_or(0);
        assert!(
            stranded <= 2 * chunk,
            "life {number} strands {stranded}, in chunks of {chunk}"
        );
        spent += desk.spent;
    }
    (desk.store.granted(), spent)
}

#[test]
fn processes_that_crash_after_their_first_unit_strand_a_hundred_thousandth_each() {
    for (limit, lives) in [
        (100, 90),
        (100_000, 1_000),
        (10_000_000, 1_000),
        (u64::from(u32::MAX), 200),
    ] {
        let (granted, spent) = crash(limit, lives, |number, desk| {
            assert!(desk.ask(1), "life {number} of {limit} is served");
        });
        assert_eq!(spent, lives);
        let first = (limit / FIRST_CHUNK_SHARE).max(1);
        assert!(granted <= lives * first, "{granted} of {limit} are granted for {spent}");
    }
}

#[test]
fn processes_that_crash_in_the_midst_of_work_strand_two_thousandths_each() {
    for limit in [1_000, 1_000_000, 1_000_000_000] {
        let chunk = (limit / CHUNK_SHARE).max(1);
        let lives = 100;
        let (granted, spent) = crash(limit, lives, |number, desk| {
            // As long as it likes, at any rate, and it crashes at any moment, an answer of the row under way or not.
            for step in 0..(number * 37) % 500 {
                desk.after(SECOND / (1 + number * 13 % 1_000));
                if desk.balance() == 0 {
                    desk.need(1);
                    desk.settle();
                }
                if desk.balance() > 0 {
                    desk.spend(1);
                }
                if step % 3 == number % 3 {
                    desk.report();
                }
                if step % 2 == 0 && desk.sent.is_some() {
                    desk.answer();
                }
            }
        });
        let stranded = granted - spent;
        assert!(
            stranded <= 2 * lives * chunk,
            "{stranded} of {limit} are stranded by {lives} crashes"
        );
    }
}
