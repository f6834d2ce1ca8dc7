//! What arrives is read as protobuf says, whoever wrote it: bytes of every kind are answered as the reference decoder
//! understands them.

use prost::Message;
use quorate_api::v1::{ChargeMode, Include, ShouldAllowRequest, ShouldAllowResponse};
use tonic::Code;

use crate::harness::client::within;
use crate::harness::raw::Raw;
use crate::harness::{AskExt, Client, Launch, ask};

const POLICY: &str = "
version: 1
defaults: { plan: p }
environments: [prod]
plans:
  p:
    limits:
      - { name: own, per: key, limit: 1_000_000_000, window: 1h }
      - { name: user, per: attribute.user, limit: 1_000_000_000, window: 1h }
      - { name: tokens, per: key, limit: 1_000_000_000, window: 1h, meter: tokens }
endpoints: [{ match: 'GET /a/{id}', scopes_any: [soc2] }]
";

/// What came of a call, without what differs between two calls that are alike.
#[derive(Debug, PartialEq)]
enum Outcome {
    Answer(Box<ShouldAllowResponse>),
    Error(Code, String),
}

async fn send(client: &Client, bytes: Vec<u8>) -> Outcome {
    let mut grpc = tonic::client::Grpc::new(client.channel.clone());
    grpc.ready().await.expect("connected");
    let path = http::uri::PathAndQuery::from_static("/quorate.v1.DecisionService/ShouldAllow");
    match within(grpc.unary(tonic::Request::new(bytes), path, Raw::<ShouldAllowResponse>::default())).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let stable = |status: &mut quorate_api::v1::LimitStatus| {
                (status.used, status.remaining, status.reset_after_ns) = (0, 0, 0);
            };
            let mut limits = answer.limits;
            limits.iter_mut().for_each(stable);
            Outcome::Answer(Box::new(ShouldAllowResponse {
                decision_id: String::new(),
                remaining: 0,
                reset_after_ns: 0,
                limits,
                ..answer
            }))
        }
        Err(error) => Outcome::Error(error.code(), error.message().to_owned()),
    }
}

/// Whether the server refused what the reference decoder lets pass, though the format has no place for it: groups, which
/// proto3 does not have, and maps (fields 6 and 7) that are no messages.
fn stricter(sent: &Outcome) -> bool {
    let refused = [
        "a tag that does not exist",
        "field 6 is of another type",
        "field 7 is of another type",
    ];
    matches!(sent, Outcome::Error(Code::InvalidArgument, why) if refused.iter().any(|refused| why.contains(refused)))
}

/// Asserts that bytes are answered as what the reference decoder reads from them.
async fn agrees(client: &Client, bytes: &[u8]) {
    let sent = send(client, bytes.to_vec()).await;
    if stricter(&sent) {
        return;
    }
    match ShouldAllowRequest::decode(bytes) {
        // A look, whatever it was: both calls must see the same counters.
        Ok(request) => {
            let canonical = send(client, request.encode_to_vec()).await;
            assert_eq!(sent, canonical, "{bytes:02x?} is {request:?}");
        }
        Err(error) => {
            let code = match &sent {
                Outcome::Error(code, _) => Some(*code),
                Outcome::Answer(_) => None,
            };
            assert_eq!(code, Some(Code::InvalidArgument), "{bytes:02x?} ({error}) was {sent:?}");
        }
    }
}

/// A request that says everything.
fn full() -> ShouldAllowRequest {
    let request = ask("key-of-the-request")
        .of("org")
        .at("GET /a/7")
        .costing(2)
        .using("tokens", 300);
    let request = request
        .attribute("user", "ann")
        .attribute("ip", "192.0.2.1")
        .from("prod")
        .scope("soc2");
    let request = request
        .look()
        .with(Include::Limits)
        .with(Include::Policy)
        .with(Include::Shadow);
    request.mode(ChargeMode::AllOrNone)
}

#[tokio::test]
async fn what_other_writers_may_write_is_understood() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    let base = full().encode_to_vec();
    let with = |more: &[u8]| [base.as_slice(), more].concat();
    let odd: [(&str, Vec<u8>); 13] = [
        ("nothing at all", Vec::new()),
        ("an unknown varint field", with(&[0xa0, 0x06, 0x01])),
        ("an unknown text field", with(&[0xa2, 0x06, 0x02, b'h', b'i'])),
        (
            "unknown fixed fields",
            with(&[0xa5, 0x06, 1, 2, 3, 4, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]),
        ),
        ("the key twice", with(&[0x0a, 0x01, b'z'])),
        ("a credential after the key", with(&[0x12, 0x01, b'c'])),
        ("a varint that is longer than it needs", with(&[0x28, 0x83, 0x80, 0x00])),
        ("a bool of two", with(&[0x50, 0x02])),
        ("an include that is not packed", with(&[0x60, 0x02])),
        ("includes that are packed", with(&[0x62, 0x02, 0x01, 0x03])),
        ("an include that nobody knows", with(&[0x60, 0x63])),
        (
            "an amount without a value",
            with(&[0x32, 0x08, 0x0a, 0x06, b't', b'o', b'k', b'e', b'n', b's']),
        ),
        (
            "an amount twice",
            with(&[0x32, 0x0a, 0x0a, 0x06, b't', b'o', b'k', b'e', b'n', b's', 0x10, 0x05]),
        ),
    ];
    for (what, bytes) in odd {
        println!("{what}");
        agrees(&client, &bytes).await;
    }
    let broken: [(&str, Vec<u8>); 9] = [
        ("a key that is a number", with(&[0x08, 0x01])),
        ("a cost that is text", with(&[0x2a, 0x01, b'1'])),
        ("text that is no UTF-8", with(&[0x1a, 0x02, 0xff, 0xfe])),
        (
            "an attribute that is no UTF-8",
            with(&[0x3a, 0x04, 0x0a, 0x02, 0xff, 0xfe]),
        ),
        ("a length beyond the end", with(&[0x1a, 0x7f, b'x'])),
        ("a varint without an end", with(&[0x28, 0xff])),
        (
            "a varint of eleven bytes",
            with(&[0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ),
        ("the field number zero", with(&[0x02, 0x00])),
        ("a group that is not closed", with(&[0xa3, 0x06, 0x08, 0x01])),
    ];
    for (what, bytes) in broken {
        println!("{what}");
        assert!(ShouldAllowRequest::decode(bytes.as_slice()).is_err(), "{what}");
        agrees(&client, &bytes).await;
    }
}

#[tokio::test]
async fn mutated_requests_are_read_as_the_reference_reads_them() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    let base = full().encode_to_vec();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        // xorshift: the same bytes at every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).expect("small")).expect("small")
    };
    let (mut read, mut refused) = (0, 0);
    for _ in 0..3_000 {
        let mut bytes = base.clone();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, u8::try_from(random(256)).expect("a byte")),
            }
        }
        match ShouldAllowRequest::decode(bytes.as_slice()) {
            Ok(request) if request.check_only => read += 1,
            // Both calls would charge, and the second might see the first.
            Ok(_) => continue,
            Err(_) => refused += 1,
        }
        agrees(&client, &bytes).await;
    }
    assert!(read > 300 && refused > 300, "{read} read, {refused} refused");
}
