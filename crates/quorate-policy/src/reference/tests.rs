//! The reference catalogue gives the answers that its page promises, as far as the policy has a say in them.

use quorate_core::answer::Reason;
use quorate_core::limit::{LayoutId, Role};
use quorate_core::request::Request;
use quorate_core::state::layout::Layouts;
use quorate_core::time::Instant;

use crate::{Bounds, PolicySet, Verdict, reference};

fn set() -> PolicySet {
    PolicySet::compile(&reference(), 1, &mut Layouts::default()).expect("few layouts")
}

const BOUNDS: Bounds = Bounds { cost_max: 1_000_000 };

/// Name, capacity and role of every limit that a request of `org` meets, in order, and its cost in requests.
fn limits(set: &PolicySet, org: &str, endpoint: &str) -> (Vec<(String, u64, Role)>, u64) {
    let mut request = Request::of("k", endpoint);
    request.org = org;
    request.scopes = &["gdpr"];
    let resolved = set.resolve(&request, BOUNDS, None, Instant(0)).expect("well formed");
    let Verdict::Charge(terms) = resolved.verdict else {
        panic!("{:?}", resolved.verdict);
    };
    let limits = terms.groups().flat_map(|group| &group.limits);
    let limits = limits.map(|limit| (limit.name.to_string(), limit.capacity, limit.role));
    (limits.collect(), terms.amounts.0[0])
}

#[test]
fn twelve_cells_of_the_plan_table() {
    let set = set();
    for (org, minute, hour, burst, pool, depth) in [
        ("dev", 60, 1_000, 10, 200, Some(50)),
        ("pro", 300, 10_000, 50, 2_000, Some(500)),
        ("ent", 2_000, 100_000, 200, 20_000, None),
    ] {
        let expected = vec![
            ("per-minute".to_owned(), minute, Role::Lifted),
            ("per-hour".to_owned(), hour, Role::Plain),
            ("burst".to_owned(), burst, Role::Allowance),
            ("pool".to_owned(), pool, Role::Pool),
        ];
        assert_eq!(limits(&set, org, ""), (expected, 1), "{org}");
        let mut request = Request::of("k", "POST /api/v1/jobs");
        request.org = org;
        let resolved = set.resolve(&request, BOUNDS, None, Instant(0)).expect("well formed");
        let Verdict::Charge(terms) = resolved.verdict else {
            panic!("{org}")
        };
        assert_eq!(terms.slot.map(|slot| slot.depth), depth, "{org}");
    }
}

#[test]
fn four_endpoints_with_their_limits_and_factors() {
    let set = set();
    for (endpoint, own, factor) in [
        ("POST /api/v1/threats/scan", ("scan-per-minute", 20), 5),
        ("POST /api/v1/reports/generate", ("report-per-minute", 5), 8),
        ("GET /api/v1/webhooks", ("webhooks-per-minute", 120), 1),
        ("GET /api/v1/compliance/audit", ("audit-per-minute", 10), 3),
    ] {
        let (limits, cost) = limits(&set, "dev", endpoint);
        assert_eq!(cost, factor, "{endpoint}");
        let (name, capacity, role) = limits.last().expect("limits");
        assert_eq!(
            (name.as_str(), *capacity, *role),
            (own.0, own.1, Role::Plain),
            "{endpoint}"
        );
    }
}

#[test]
fn audit_wants_one_of_two_scopes() {
    let set = set();
    let audit = "GET /api/v1/compliance/audit";
    let reason = |scopes: &'static [&'static str]| {
        let mut request = Request::of("k", audit);
        request.scopes = scopes;
        match set
            .resolve(&request, BOUNDS, None, Instant(0))
            .expect("well formed")
            .verdict
        {
            Verdict::Denied(reason) => Some(reason),
            Verdict::Exempt | Verdict::Charge(_) => None,
        }
    };
    assert_eq!(reason(&[]), Some(Reason::ScopeMissing));
    assert_eq!(reason(&["soc1"]), Some(Reason::ScopeMissing));
    assert_eq!(reason(&["soc2"]), None);
    assert_eq!(reason(&["gdpr"]), None);
}

#[test]
fn it_has_no_oddities_and_few_layouts() {
    assert_eq!(reference().warnings().to_string(), "");
    let mut layouts = Layouts::default();
    PolicySet::compile(&reference(), 1, &mut layouts).expect("few layouts");
    // One for every plan's keys, one for every plan's pool, one for each of four endpoints; recompiling adds none.
    let count = |layouts: &Layouts| {
        (0..u16::MAX)
            .take_while(|id| layouts.get(LayoutId(*id)).is_some())
            .count()
    };
    let first = count(&layouts);
    PolicySet::compile(&reference(), 2, &mut layouts).expect("few layouts");
    assert_eq!(count(&layouts), first);
    assert_eq!(first, 1 + 3 + 4, "the pools refill differently");
}
