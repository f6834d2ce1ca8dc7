//! Every field of a request arrives, as prost would read it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use quorate_api::v1;
use quorate_api::v1::should_allow_request::Subject as WireSubject;
use quorate_core::request::{BATCH_MAX, ChargeMode, InvalidRequest, Request, Subject};

use crate::grpc::convert::request::FIELDS;
use crate::grpc::convert::*;
use crate::grpc::wire::Malformed;

fn keyed(key: &str) -> v1::ShouldAllowRequest {
    v1::ShouldAllowRequest {
        subject: Some(WireSubject::Key(key.to_owned())),
        ..v1::ShouldAllowRequest::default()
    }
}

/// What a request says, in a form that can be compared: maps in order.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    subject: Option<WireSubject>,
    texts: [String; 4],
    cost: Option<u64>,
    amounts: BTreeMap<String, u64>,
    attributes: BTreeMap<String, String>,
    scopes: Vec<String>,
    flags: [bool; 2],
    charge_mode: ChargeMode,
}

fn said(request: &Request<'_>) -> Said {
    let owned = |text: &str| text.to_owned();
    Said {
        subject: Some(match request.subject {
            Subject::Key(key) => WireSubject::Key(owned(key)),
            Subject::Credential(secret) => WireSubject::Credential(owned(secret)),
        }),
        texts: [request.org, request.endpoint, request.environment, request.operation_id].map(owned),
        cost: request.cost,
        amounts: request
            .amounts
            .iter()
            .map(|(meter, amount)| (owned(meter), *amount))
            .collect(),
        attributes: request
            .attributes
            .iter()
            .map(|(name, value)| (owned(name), owned(value)))
            .collect(),
        scopes: request.scopes.iter().map(|scope| owned(scope)).collect(),
        flags: [request.check_only, request.refund],
        charge_mode: request.charge_mode,
    }
}

/// What prost says that a request says; `None` for what is no request: no subject, an unknown mode.
fn said_by_prost(message: v1::ShouldAllowRequest) -> Option<Said> {
    let charge_mode = match v1::ChargeMode::try_from(message.charge_mode).ok()? {
        v1::ChargeMode::Unspecified | v1::ChargeMode::AllOrNone => ChargeMode::AllOrNone,
        v1::ChargeMode::Each => ChargeMode::Each,
        v1::ChargeMode::Record => ChargeMode::Record,
    };
    Some(Said {
        subject: Some(message.subject?),
        texts: [message.org, message.endpoint, message.environment, message.operation_id],
        cost: message.cost,
        amounts: message.amounts.into_iter().collect(),
        attributes: message.attributes.into_iter().collect(),
        scopes: message.scopes,
        flags: [message.check_only, message.refund],
        charge_mode,
    })
}

fn read_and_say(bytes: &[u8]) -> Result<Result<Said, InvalidRequest>, Malformed> {
    let mut lists = Lists::default();
    let asked = Asked::read(bytes, &mut lists)?;
    Ok(asked.request(asked.org(), &lists).map(|request| said(&request)))
}

fn problem(message: &v1::ShouldAllowRequest) -> String {
    let read = read_and_say(&message.encode_to_vec()).expect("prost wrote it");
    read.expect_err("the request is malformed").to_string()
}

prop_compose! {
    fn requests()(
        subject in proptest::option::of((any::<bool>(), "\\PC{0,20}")),
        texts in proptest::array::uniform4("\\PC{0,12}"),
        cost in proptest::option::of(any::<u64>()),
        amounts in proptest::collection::hash_map("[a-z]{0,6}", any::<u64>(), 0..6),
        attributes in proptest::collection::hash_map("[a-z]{0,6}", "\\PC{0,6}", 0..6),
        scopes in proptest::collection::vec("[a-z]{0,6}", 0..6),
        flags in proptest::array::uniform3(any::<bool>()),
        charge_mode in prop_oneof![0..4_i32, any::<i32>()],
        include in proptest::collection::vec(-1..7_i32, 0..6),
    ) -> v1::ShouldAllowRequest {
        let [org, endpoint, environment, operation_id] = texts;
        let [check_only, refund, retry_jitter] = flags;
        v1::ShouldAllowRequest {
            subject: subject.map(|(secret, text)| match secret {
                true => WireSubject::Credential(text),
                false => WireSubject::Key(text),
            }),
            org,
            endpoint,
            cost,
            amounts: amounts.into_iter().collect(),
            attributes: attributes.into_iter().collect(),
            environment,
            scopes,
            check_only,
            operation_id,
            include,
            charge_mode,
            refund,
            retry_jitter,
        }
    }
}

proptest! {
    /// What prost writes is read as prost reads it.
    #[test]
    fn requests_are_read_as_prost_reads_them(message in requests()) {
        let read = read_and_say(&message.encode_to_vec()).expect("prost wrote it");
        prop_assert_eq!(read.ok(), said_by_prost(message));
    }

    /// So are requests in pieces (later fields count, lists add up) and bytes that were damaged on their way; only
    /// groups, which proto3 does not have, are refused here and passed over there.
    #[test]
    fn damaged_bytes_are_read_as_prost_reads_them(
        first in requests(),
        second in requests(),
        damages in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = [first.encode_to_vec(), second.encode_to_vec()].concat();
        for (place, byte) in damages {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let by_prost = v1::ShouldAllowRequest::decode(bytes.as_slice()).ok();
        match read_and_say(&bytes) {
            Ok(read) => {
                let by_prost = by_prost.expect("prost reads what is read here");
                prop_assert_eq!(read.ok(), said_by_prost(by_prost));
            }
            // Prost does not look at the wire type of a map.
            Err(Malformed::Tag | Malformed::Type(6 | 7)) => {}
            Err(malformed) => prop_assert!(by_prost.is_none(), "{malformed}: {bytes:?}"),
        }
    }

    /// Batches are read as their items are.
    #[test]
    fn batches_are_read_as_their_items(items in proptest::collection::vec(requests(), 0..6), all in any::<bool>()) {
        let message = v1::ShouldAllowBatchRequest { requests: items.clone(), all_or_nothing: all };
        let bytes = message.encode_to_vec();
        let batch = AskedBatch::read(&bytes).expect("prost wrote it");
        prop_assert_eq!((batch.items.len(), batch.all_or_nothing, batch.excess), (items.len(), all, 0));
        for (asked, item) in batch.items.iter().zip(items) {
            let read = asked.request(asked.org(), &batch.lists).map(|request| said(&request));
            prop_assert_eq!(read.ok(), said_by_prost(item));
        }
    }

    /// So are messages of a stream.
    #[test]
    fn streamed_requests_are_read_as_alone(message in requests()) {
        let bytes = v1::ShouldAllowStreamRequest { request: Some(message.clone()) }.encode_to_vec();
        let mut lists = Lists::default();
        let asked = read_streamed(&bytes, &mut lists).expect("prost wrote it");
        let read = asked.request(asked.org(), &lists).map(|request| said(&request));
        prop_assert_eq!(read.ok(), said_by_prost(message));
    }
}

#[test]
fn a_plain_request_is_what_the_core_calls_plain() {
    let bytes = keyed("k").encode_to_vec();
    let mut lists = Lists::default();
    let asked = Asked::read(&bytes, &mut lists).expect("prost wrote it");
    let request = asked.request("", &lists).expect("nothing is wrong with it");
    assert_eq!(format!("{request:?}"), format!("{:?}", Request::of("k", "")));
    assert_eq!(asked.rendering(), Rendering::default());
}

#[test]
fn the_org_that_counts_is_the_callers() {
    let message = v1::ShouldAllowRequest {
        org: "named".to_owned(),
        ..keyed("k")
    };
    let bytes = message.encode_to_vec();
    let mut lists = Lists::default();
    let asked = Asked::read(&bytes, &mut lists).expect("prost wrote it");
    assert_eq!(asked.org(), "named");
    assert_eq!(asked.request("acme", &lists).map(|request| request.org), Ok("acme"));
}

#[test]
fn malformed_requests_name_their_field() {
    assert!(problem(&v1::ShouldAllowRequest::default()).starts_with("key:"));
    let attributes = v1::ShouldAllowRequest {
        attributes: (0..18).map(|number| (format!("n{number}"), String::new())).collect(),
        ..keyed("k")
    };
    assert_eq!(problem(&attributes), "attributes: 18 are more than the maximum of 16");
    let amounts = v1::ShouldAllowRequest {
        amounts: (0..16).map(|number| (format!("m{number}"), 1)).collect(),
        ..keyed("k")
    };
    assert_eq!(problem(&amounts), "amounts: 16 are more than the maximum of 15");
    let scopes = v1::ShouldAllowRequest {
        scopes: vec![String::new(); 65],
        ..keyed("k")
    };
    assert_eq!(problem(&scopes), "scopes: 65 are more than the maximum of 64");
    let mode = v1::ShouldAllowRequest {
        charge_mode: 99,
        ..keyed("k")
    };
    assert!(problem(&mode).starts_with("charge_mode:"));
}

#[test]
fn a_batch_is_read_up_to_its_bound() {
    // An item of two bytes, many more of them than a batch may have.
    let bytes = [0x0A, 0x00].repeat(BATCH_MAX + 7);
    let batch = AskedBatch::read(&bytes).expect("it is a message");
    assert_eq!((batch.items.len(), batch.excess), (BATCH_MAX, 7));
}

#[test]
fn every_field_of_the_contract_is_read() {
    let set = prost_types::FileDescriptorSet::decode(quorate_api::FILE_DESCRIPTOR_SET).expect("we built it");
    let fields = |name: &str| -> Vec<i32> {
        let messages = set.file.iter().flat_map(|file| &file.message_type);
        let message = messages
            .into_iter()
            .find(|message| message.name() == name)
            .expect("it is in the contract");
        message
            .field
            .iter()
            .map(prost_types::FieldDescriptorProto::number)
            .collect()
    };
    assert_eq!(fields("ShouldAllowRequest"), FIELDS.collect::<Vec<_>>());
    assert_eq!(fields("ShouldAllowBatchRequest"), [1, 2]);
    assert_eq!(fields("ShouldAllowStreamRequest"), [1]);
    assert_eq!(fields("ShouldAllowResponse"), (1..=22).collect::<Vec<_>>());
}
