//! The suite that every engine passes: what the comments of the traits promise, case by case.
//!
//! A case takes a store that may hold other data, and other cases may run on it meanwhile: every name a case uses is its
//! own. A case panics when a promise is broken. It does not mind a store that is slow or away for a moment: it settles
//! what is unknown by the rules that a user of the store has to follow.

mod audit;
mod documents;
mod feed;
mod grant_rows;
mod grants;
mod locks;
mod names;
mod pools;
mod snapshots;
mod subject;
mod usage;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use subject::Subject;

use crate::Store;

/// One promise, tried.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Case {
    /// What it tries: `grants::create_is_once`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Tries it.
    ///
    /// # Panics
    /// The engine does not keep the promise.
    pub async fn run(&self, store: Arc<dyn Store>) {
        (self.run)(Subject::new(self.name, store)).await;
    }
}

/// Tries everything on one store, one case after the other.
///
/// # Panics
/// The engine does not keep a promise.
pub async fn run_all(store: Arc<dyn Store>) {
    for case in cases() {
        println!("conformance: {}", case.name());
        case.run(Arc::clone(&store)).await;
    }
}

macro_rules! cases {
    ($($part:ident: $($name:ident)*;)*) => {
        vec![$($(Case {
            name: concat!(stringify!($part), "::", stringify!($name)),
            run: |subject| Box::pin($part::$name(subject)),
        },)*)*]
    };
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    [grant_cases(), document_cases(), other_cases()].concat()
}

fn grant_cases() -> Vec<Case> {
    cases! {
        grants:
            a_row_that_was_never_made_is_none
            a_row_is_made_once
            what_expects_a_row_is_refused_without_one
            a_move_applies_once
            a_move_expects_version_limit_and_granted
            a_move_of_nothing_raises_the_version_alone
            holders_take_and_return
            a_cap_expects_the_version_alone
            a_fold_keeps_the_sum
            a_row_has_many_holders
            numbers_reach_their_ends
            the_last_version_is_the_last
            an_import_does_not_overwrite
            a_name_that_is_too_long_is_not_tried;
        grant_rows:
            keys_are_not_confused
            pages_leave_nothing_out
            one_of_many_makes_the_row
            many_hands_apply_each_version_once
            moves_and_caps_meet_in_one_order;
    }
}

fn document_cases() -> Vec<Case> {
    cases! {
        documents:
            a_document_goes_through_its_versions
            what_was_never_there_can_be_deleted
            an_unexpected_version_changes_nothing
            a_change_sent_again_says_what_it_made
            documents_are_not_confused
            bodies_may_be_of_any_text_up_to_the_most
            a_name_that_is_too_long_is_refused
            pages_are_in_order_with_tombstones
            kinds_are_known
            many_hands_make_each_version_once
            an_import_is_taken_as_it_is;
        feed:
            it_tells_of_every_change
            who_comes_late_hears_the_last_version
            it_leaves_out_nothing_while_many_write;
    }
}

fn other_cases() -> Vec<Case> {
    cases! {
        usage:
            what_is_sent_again_counts_once
            writers_are_added_up
            a_query_takes_its_org_span_and_time
            rows_are_not_confused_and_in_order
            many_rows_are_written_at_once
            numbers_reach_their_ends
            one_row_beyond_a_bound_refuses_all
            pages_of_rows_leave_nothing_out
            rows_are_forgotten_when_their_life_is_over;
        audit:
            records_come_back_in_order
            a_record_is_never_replaced
            of_many_records_in_one_place_one_is_kept
            writers_are_known_and_apart
            records_hold_what_they_may;
        pools:
            the_last_write_counts
            levels_are_read_by_name
            pools_are_not_confused_and_pages_leave_none_out
            many_are_written_at_once
            one_beyond_a_bound_refuses_all
            one_is_forgotten_only_as_it_is_known;
        snapshots:
            a_piece_is_replaced_as_a_whole
            the_largest_pieces_fit
            pieces_are_found_by_prefix_in_order
            odd_names_are_not_confused
            what_is_forgotten_is_gone;
        locks:
            one_holder_at_a_time
            it_ends_after_its_time
            no_time_at_all_counts_as_the_shortest
            a_renewal_counts_from_when_it_is_made
            the_longest_time_is_bounded
            one_of_many_gets_it
            names_are_not_confused;
    }
}
