//! The table of reasons, whole.

use std::fmt::Write as _;

use expect_test::expect;

use super::{ALL, told};

#[test]
fn every_reason_has_its_status_and_code() {
    let mut table = String::new();
    for (index, reason) in ALL.into_iter().enumerate() {
        let told = told(reason);
        assert_eq!(told.index, index, "{reason:?}");
        writeln!(table, "{} {}", told.status.as_u16(), told.code).expect("strings grow");
    }
    expect![[r#"
        200 OK
        429 RATE_LIMITED
        429 QUOTA_EXHAUSTED
        429 QUOTA_PENDING
        429 POOL_EXHAUSTED
        429 CONCURRENCY_EXCEEDED
        401 KEY_UNKNOWN
        401 KEY_INVALID
        403 KEY_REVOKED
        403 KEY_SUSPENDED
        403 KEY_EXPIRED
        403 ORG_MISMATCH
        403 BANNED
        403 PAUSED
        403 SCOPE_MISSING
        403 ENVIRONMENT_MISMATCH
        403 POLICY_FORBIDS
        422 COST_EXCEEDS_LIMIT
        503 OVERLOADED
        503 UNAVAILABLE
    "#]]
    .assert_eq(&table);
}
