//! A request within every bound passes, one beyond any of them is refused by name.

use expect_test::expect;
use quorate_core::request::{ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTES_MAX, OPERATION_ID_BYTES_MAX, Request, SCOPES_MAX};
use quorate_core::time::Instant;

use super::{BOUNDS, set};

fn error<'a>(change: impl FnOnce(&mut Request<'a>)) -> String {
    let set = set("version: 1\ndefaults: { plan: p }\nplans: { p: {} }\n");
    let mut request = Request::of("k", "");
    change(&mut request);
    match set.resolve(&request, BOUNDS, None, Instant(0)) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn counts_and_lengths() {
    let text = "x".repeat(1_000);
    let attributes = vec![("a", "b"); ATTRIBUTES_MAX + 1];
    assert_eq!(error(|request| request.attributes = &attributes[1..]), "");
    expect!["attributes: 17 are more than the maximum of 16"]
        .assert_eq(&error(|request| request.attributes = &attributes));

    let scopes = vec!["a"; SCOPES_MAX + 1];
    assert_eq!(error(|request| request.scopes = &scopes[1..]), "");
    expect!["scopes: 65 are more than the maximum of 64"].assert_eq(&error(|request| request.scopes = &scopes));

    assert_eq!(
        error(|request| request.operation_id = &text[..OPERATION_ID_BYTES_MAX]),
        ""
    );
    expect!["operation_id: 65 bytes are more than the maximum of 64"].assert_eq(&error(|request| {
        request.operation_id = &text[..=OPERATION_ID_BYTES_MAX]
    }));

    let name = [(&text[..ATTRIBUTE_NAME_BYTES_MAX], "")];
    assert_eq!(error(|request| request.attributes = &name), "");
    let name = [(&text[..=ATTRIBUTE_NAME_BYTES_MAX], "")];
    expect!["attributes (a name): 65 bytes are more than the maximum of 64"]
        .assert_eq(&error(|request| request.attributes = &name));
}

#[test]
fn an_unknown_meter_is_repeated_shortened_and_harmless() {
    let long = format!("\u{1b}[31m{}", "x".repeat(10_000));
    let amounts = [(long.as_str(), 1)];
    let said = error(|request| request.amounts = &amounts);
    assert!(said.len() < 200 && !said.contains('\u{1b}'), "{said}");
}
