//! Saying what applies to a request allocates nothing, whoever asks and wherever. The counter is this program's
//! allocator, so it is a program of its own.

use quorate_core::request::{Request, Subject};
use quorate_core::state::layout::Layouts;
use quorate_core::time::Instant;
use quorate_policy::{Bounds, PolicySet, Source, check};

const TOUR: &str = include_str!("../../../examples/policies/every-field.yaml");

fn set() -> PolicySet {
    let source = Source {
        name: "every-field.yaml".to_owned(),
        text: TOUR.to_owned(),
    };
    let checked = check(&[source]).unwrap_or_else(|report| panic!("{report}"));
    PolicySet::compile(&checked, 1, &mut Layouts::default()).expect("few layouts")
}

fn allocations(set: &PolicySet, request: &Request<'_>, credential: Option<[u8; 32]>) -> u64 {
    let bounds = Bounds { cost_max: 1_000 };
    let counted = allocation_counter::measure(|| {
        let resolved = set.resolve(request, bounds, credential, Instant(1_767_225_600_000_000_000));
        assert!(std::hint::black_box(resolved).is_ok());
    });
    counted.count_total
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn no_request_allocates() {
    let set = set();
    for key in ["ak_acme_ci", "new", "", "malformed\n"] {
        for org in ["", "acme", "beta", "nobody"] {
            for endpoint in [
                "",
                "POST /api/v1/threats/scan",
                "POST /api/v1/analyze?deep=true",
                "GET /api/v1/reports/7",
                "GET /api/v1/reports/7/a/b/c",
                "/threats.v1.Scanner/Scan",
                "POST /internal/webhooks/x",
                "DELETE /x",
                "GET /nowhere",
            ] {
                let mut request = Request::of(key, endpoint);
                request.org = org;
                request.amounts = &[("tokens", 5), ("gpu_seconds", 7)];
                request.attributes = &[("user", "u"), ("ip", "192.0.2.1")];
                request.scopes = &["soc2", "read"];
                request.environment = "prod";
                assert_eq!(allocations(&set, &request, None), 0, "{key:?} {org:?} {endpoint:?}");
            }
        }
    }
    let mut request = Request::of("", "");
    request.subject = Subject::Credential("a secret");
    for hash in [None, Some([0; 32])] {
        assert_eq!(allocations(&set, &request, hash), 0);
    }
}
