//! Tests of the leases of one account.
