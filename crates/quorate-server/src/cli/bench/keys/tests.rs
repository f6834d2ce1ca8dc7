//! Distributions keep their promises, and requests say what they were told to.

use quorate_api::v1::should_allow_request::Subject;

use super::{Distribution, Pattern, Requests, name, zipf};

fn pattern(distribution: Distribution, keys: u64) -> Pattern {
    Pattern {
        keys,
        distribution,
        org: String::new(),
        orgs: 0,
        endpoints: vec!["GET /a".to_owned(), "GET /b".to_owned()],
        cost: Some(2),
        check_only: false,
    }
}

fn drawn(distribution: Distribution, keys: u64, count: usize) -> Vec<u64> {
    let requests = Requests::new(&pattern(distribution, keys), 1, 0, 1);
    (0..count)
        .map(|_| match requests.next().subject {
            Some(Subject::Key(key)) => key.trim_start_matches("bench-").parse().expect("a number"),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn share(keys: &[u64], of: u64) -> usize {
    keys.iter().filter(|key| **key == of).count()
}

#[test]
fn keys_are_33_bytes_long() {
    assert_eq!(name(0).len(), 33);
    assert_eq!(name(u64::MAX).len(), 33);
}

#[test]
fn sequential_keys_are_divided_among_the_connections() {
    assert_eq!(drawn(Distribution::Sequential, 3, 7), [0, 1, 2, 0, 1, 2, 0]);
    let second = Requests::new(&pattern(Distribution::Sequential, 100), 1, 1, 4).next();
    assert_eq!(second.subject, Some(Subject::Key(name(25))));
}

#[test]
fn uniform_keys_come_equally_often_and_within_bounds() {
    let keys = drawn(Distribution::Uniform, 10, 10_000);
    for key in 0..10 {
        let count = share(&keys, key);
        assert!((850..1_150).contains(&count), "{key}: {count}");
    }
    assert!(keys.iter().all(|key| *key < 10));
    assert_ne!(keys[..10], keys[10..20]);
}

#[test]
fn zipf_keys_follow_the_law() {
    // ln(2) / ln(1001) = 10.0 % for the first, ln(3/2) / ln(1001) = 5.9 % for the second.
    let keys = drawn(Distribution::Zipf, 1_000, 10_000);
    assert!((900..1_110).contains(&share(&keys, 0)), "{}", share(&keys, 0));
    assert!((510..670).contains(&share(&keys, 1)), "{}", share(&keys, 1));
    assert!(keys.iter().all(|key| *key < 1_000));
    assert_eq!((zipf(5, 0.0), zipf(5, 0.999_999_9), zipf(1, 0.5)), (0, 4, 0));
}

#[test]
fn the_same_seed_draws_the_same() {
    let draw = |seed| Requests::new(&pattern(Distribution::Uniform, 1 << 40), seed, 0, 1).next();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn requests_say_what_they_were_told() {
    let mut told = pattern(Distribution::Sequential, 10);
    told.check_only = true;
    let requests = Requests::new(&told, 1, 0, 1);
    let (first, second, third) = (requests.next(), requests.next(), requests.next());
    assert_eq!(
        (first.endpoint.as_str(), second.endpoint.as_str()),
        ("GET /a", "GET /b")
    );
    assert_eq!(
        (third.endpoint.as_str(), third.cost, third.check_only),
        ("GET /a", Some(2), true)
    );
    assert_eq!(third.org, "");
    told.org = "acme".to_owned();
    assert_eq!(Requests::new(&told, 1, 0, 1).next().org, "acme");
    told.orgs = 4;
    let second = Requests::new(&told, 1, 1, 2).next();
    assert_eq!(
        (second.subject, second.org.as_str()),
        (Some(Subject::Key(name(5))), "bench-org-1")
    );
}
