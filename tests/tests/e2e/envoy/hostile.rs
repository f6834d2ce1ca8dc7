//! Requests that nobody sends who means well: each has a clear error or a bounded answer, and the server goes on.

use prost::Message;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::RateLimitOverride;
use tonic::Code;

use super::client::{RateLimits, descriptor, passes, request, simple, with_rules};
use crate::harness::Launch;

const RULES: &str = "
domain: d
descriptors:
  - {key: k, rate_limit: {unit: year, requests_per_unit: 3}}
";

#[tokio::test]
async fn too_many_parts_are_an_error_that_counts_them() {
    let server = with_rules(Launch::plain(), RULES).start();
    let client = RateLimits::of(&server).await;
    let many = request("d", vec![descriptor(&[("k", "v")]); 10_000]);
    let message = client.refused(&many, Code::InvalidArgument).await;
    assert!(message.contains("descriptors"), "{message}");
    let most = request("d", vec![descriptor(&[("nobody", "v")]); 1_024]);
    assert_eq!(client.ask(&most).await.statuses.len(), 1_024);
    let one_more = request("d", vec![descriptor(&[("nobody", "v")]); 1_025]);
    let message = client.refused(&one_more, Code::InvalidArgument).await;
    assert!(message.contains("1025"), "{message}");
    let deep = request("d", vec![descriptor(&[("k", "v"); 20_000])]);
    client.refused(&deep, Code::InvalidArgument).await;
    // Two bytes each on the wire: a message that would take a hundred times its length to read.
    let empty = RateLimitDescriptor::default();
    client
        .refused(&request("d", vec![empty; 1_000_000]), Code::InvalidArgument)
        .await;
    // The same where what comes behind or before is nothing that is known.
    let many = [0x12, 0x00].repeat(1_000_000);
    for bytes in [[&many[..], &[0xFF]].concat(), [&[0x7B, 0x7C], &many[..]].concat()] {
        let error = client.send(bytes).await.expect_err("it is too much");
        assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
    }
    assert_eq!(client.remaining(&simple("d", "k", "v")).await, 3, "nothing was charged");
}

#[tokio::test]
async fn a_known_field_of_another_wire_type_is_an_unknown_one() {
    let server = with_rules(Launch::plain(), RULES).start();
    let client = RateLimits::of(&server).await;
    let mut bytes = simple("d", "k", "v").encode_to_vec();
    // The hits as a text.
    bytes.extend([0x1A, 0x01, b'x']);
    let answer = client.send(bytes).await.expect("an answer");
    assert_eq!(answer.statuses[0].limit_remaining, 2);
}

#[tokio::test]
async fn long_values_are_counted_and_longer_messages_refused() {
    let server = with_rules(Launch::plain(), RULES).start();
    let client = RateLimits::of(&server).await;
    let (long, other) = ("x".repeat(1 << 20), "y".repeat(1 << 20));
    for remaining in [2, 1, 0] {
        let answer = client.ask(&simple("d", "k", &long)).await;
        assert_eq!(answer.statuses[0].limit_remaining, remaining);
    }
    assert!(!passes(&client.ask(&simple("d", "k", &long)).await));
    assert!(passes(&client.ask(&simple("d", "k", &other)).await));
    let longer = simple("d", "k", &"x".repeat(5 << 20));
    client.refused(&longer, Code::ResourceExhausted).await;
    // Its key is too long for a label.
    let hits = server.metric("quorate_envoy_rule_hits_total", &["rule=\"d.k\""]).await;
    assert_eq!(hits, 5);
}

#[tokio::test]
async fn overrides_that_cannot_be_are_refused_and_the_server_stays() {
    let server = with_rules(Launch::plain(), RULES).start();
    let client = RateLimits::of(&server).await;
    let with = |unit, unit_multiplier| {
        let mut overridden = descriptor(&[("k", "v")]);
        overridden.limit = Some(RateLimitOverride {
            requests_per_unit: 9,
            unit,
            unit_multiplier,
        });
        request("d", vec![descriptor(&[("k", "other")]), overridden])
    };
    for unit in [0, 8, -1, i32::MAX, i32::MIN] {
        let message = client.refused(&with(unit, None), Code::InvalidArgument).await;
        assert!(message.contains("descriptors[1].limit.unit"), "{message}");
    }
    let message = client.refused(&with(1, Some(30)), Code::InvalidArgument).await;
    assert!(message.contains("descriptors[1].limit.unit_multiplier"), "{message}");
    assert!(passes(&client.ask(&with(1, Some(1))).await));
    let other = simple("d", "k", "other");
    assert_eq!(client.remaining(&other).await, 2, "what was refused charged nothing");
}

#[tokio::test]
async fn bytes_that_are_no_message_are_internal() {
    let server = with_rules(Launch::plain(), RULES).start();
    let client = RateLimits::of(&server).await;
    let whole = simple("d", "k", "v").encode_to_vec();
    for bytes in [&whole[..whole.len() - 1], &[0xFF; 4], &[0x0A, 0x02, 0xFF, 0xFE]] {
        let error = client.send(bytes.to_vec()).await.expect_err("it is no message");
        assert_eq!(error.code(), Code::Internal, "{error:?}");
    }
    let invalid = server
        .metric("quorate_requests_invalid_total", &["door=\"envoy_rate_limit\""])
        .await;
    assert_eq!(invalid, 3);
}

#[tokio::test]
async fn invented_values_fill_no_memory_and_take_nobody_elses_limit() {
    let launch = with_rules(Launch::plain(), RULES).args(["--memory-max", "2MiB", "--org-memory-max", "1MiB"]);
    let server = launch.start();
    let client = RateLimits::of(&server).await;
    let known = simple("d", "k", "known");
    client.ask(&known).await;
    for batch in 0..100 {
        let invented = |place| descriptor(&[("k", &format!("invented-{batch}-{place}"))]);
        client.ask(&request("d", (0..1_000).map(invented).collect())).await;
    }
    assert!(server.metric("quorate_state_bytes", &[]).await <= 3 << 20);
    assert!(server.metric("quorate_state_overflowed_total", &[]).await > 0);
    assert_eq!(client.remaining(&known).await, 2, "it keeps its own counter");
    assert_eq!(
        client.remaining(&simple("d", "k", "new")).await,
        0,
        "what is new shares one"
    );
}
