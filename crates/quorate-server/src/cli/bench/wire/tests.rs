//! The slim messages read what the full ones write.

use prost::Message;
use quorate_api::v1;
use quorate_api::v1::should_allow_stream_response::Result as Item;

use super::{Slim, SlimBatch, SlimError, SlimItem};

fn full() -> v1::ShouldAllowResponse {
    v1::ShouldAllowResponse {
        allowed: true,
        reason: i32::from(v1::Reason::Ok),
        limit_name: "per-minute".to_owned(),
        decision_id: "01".to_owned(),
        warnings: vec![v1::Warning::default()],
        ..v1::ShouldAllowResponse::default()
    }
}

#[test]
fn the_slim_messages_read_what_the_full_ones_write() {
    let slim = Slim {
        allowed: true,
        reason: 1,
    };
    assert_eq!(Slim::decode(&*full().encode_to_vec()), Ok(slim));

    let batch = v1::ShouldAllowBatchResponse {
        responses: vec![full(), v1::ShouldAllowResponse::default()],
        all_allowed: true,
    };
    let responses = vec![slim, Slim::default()];
    assert_eq!(SlimBatch::decode(&*batch.encode_to_vec()), Ok(SlimBatch { responses }));

    let item = |result| v1::ShouldAllowStreamResponse { result: Some(result) }.encode_to_vec();
    let answered = SlimItem {
        response: Some(slim),
        error: None,
    };
    assert_eq!(SlimItem::decode(&*item(Item::Response(full()))), Ok(answered));
    let malformed = v1::RequestError {
        code: 3,
        message: "key".to_owned(),
    };
    let refused = SlimItem {
        response: None,
        error: Some(SlimError { code: 3 }),
    };
    assert_eq!(SlimItem::decode(&*item(Item::Error(malformed))), Ok(refused));
}
