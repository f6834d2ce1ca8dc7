//! Fingerprints tell apart what belongs to different owners.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::limit::{LayoutId, Per};

const KEY: HashKey = [3; 16];

fn group(scope: Scope, key: bool, endpoint: bool, attributes: &[&str]) -> Group {
    Group {
        scope,
        per: Per {
            key,
            endpoint,
            attributes: attributes.iter().map(|name| Arc::from(*name)).collect(),
        },
        limits: Box::default(),
        layout: LayoutId(0),
    }
}

fn owner<'a>(org: &'a str, key: &'a str, endpoint: &'a str, attributes: &'a [(&'a str, &'a str)]) -> Owner<'a> {
    Owner {
        org,
        account: Account::of(&KEY, org),
        key,
        endpoint,
        attributes,
    }
}

#[test]
fn owners_that_differ_in_what_the_group_is_kept_per_differ() {
    let groups = [
        group(Scope::Plan, true, false, &[]),
        group(Scope::Plan, false, true, &[]),
        group(Scope::Endpoint, false, true, &[]),
        group(Scope::Plan, true, true, &[]),
        group(Scope::Plan, false, false, &[]),
        group(Scope::Plan, false, false, &["region"]),
        group(Scope::Plan, true, false, &["region", "tier"]),
        group(Scope::Plan, false, false, &["tier"]),
    ];
    let attributes: [&[(&str, &str)]; 3] = [
        &[("region", "eu"), ("tier", "gold")],
        &[("region", "us"), ("tier", "gold")],
        &[("region", "eu"), ("tier", "go"), ("more", "ld")],
    ];
    let (mut seen, mut distinct) = (BTreeSet::new(), BTreeSet::new());
    for org in ["a", "ab", ""] {
        for key in ["a", "b", "ab", ""] {
            for endpoint in ["a", "b"] {
                for attributes in attributes {
                    for (number, group) in groups.iter().enumerate() {
                        let who = owner(org, key, endpoint, attributes);
                        let print = Fingerprint::of(&KEY, &who, group).expect("attributes are there");
                        assert!(!print.is_overflow());
                        assert_eq!(print.account(), Account::of(&KEY, org));
                        seen.insert(print.0);
                        let own = |on: bool, text: &str| if on { Some(text.to_owned()) } else { None };
                        let values: Vec<_> = group
                            .per
                            .attributes
                            .iter()
                            .map(|name| {
                                attributes
                                    .iter()
                                    .find(|(known, _)| *known == &**name)
                                    .map(|(_, value)| (*value).to_owned())
                            })
                            .collect();
                        distinct.insert((
                            number,
                            org.to_owned(),
                            own(group.per.key, key),
                            own(group.per.endpoint, endpoint),
                            values,
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), distinct.len());
    let missing = owner("a", "a", "a", &[("tier", "gold")]);
    assert_eq!(Fingerprint::of(&KEY, &missing, &groups[5]), None);
}

#[test]
fn overflow_entries_are_told_apart_from_all_others() {
    let mut seen = BTreeSet::new();
    let groups = [
        group(Scope::Plan, true, false, &[]),
        group(Scope::Plan, false, false, &[]),
        group(Scope::Plan, true, false, &["tier"]),
        group(Scope::Endpoint, true, true, &[]),
    ];
    for group in &groups {
        for org in [None, Some(""), Some("a"), Some("b")] {
            for declared in [false, true] {
                for endpoint in ["x", "y"] {
                    let shared = Shared {
                        org,
                        endpoint,
                        declared,
                    };
                    let print = Fingerprint::of_overflow(&KEY, shared, group);
                    assert!(print.is_overflow());
                    assert_eq!(print.account(), Account::of(&KEY, org.unwrap_or_default()));
                    assert!(seen.insert(print.0) || endpoint == "y" && !group.per.endpoint);
                    // A reload carries it over.
                    let reloaded = Group {
                        layout: LayoutId(1),
                        ..group.clone()
                    };
                    assert_eq!(Fingerprint::of_overflow(&KEY, shared, &reloaded), print);
                    assert_ne!(Fingerprint::of_overflow(&[4; 16], shared, group), print);
                }
            }
        }
    }
}

#[test]
fn texts_are_not_mistaken_for_their_neighbours() {
    let hash = |texts: &[&str]| keyed_hash(&KEY, texts.iter().map(|text| text.as_bytes()));
    assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    assert_ne!(hash(&["ab", ""]), hash(&["ab"]));
    assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
}
