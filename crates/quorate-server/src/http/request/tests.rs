//! What is read, and what is refused by which words.

use std::fmt::Write as _;

use expect_test::expect;
use quorate_core::request::{ChargeMode, Subject};

use super::{Include, ShouldAllow};

/// What is wrong with a body.
fn problem(body: &str) -> String {
    let read = ShouldAllow::parse(body.as_bytes()).and_then(|asked| asked.with_request("", |_| Ok(())));
    match read {
        Ok(()) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_small_request_means_the_defaults() {
    let asked = ShouldAllow::parse(br#"{"key":"ak_1"}"#).expect("a request");
    asked
        .with_request("acme", |request| {
            assert_eq!(request.subject, Subject::Key("ak_1"));
            assert_eq!(request.org, "acme");
            assert_eq!((request.endpoint, request.cost, request.environment), ("", None, ""));
            assert_eq!(request.charge_mode, ChargeMode::AllOrNone);
            assert!(!request.check_only && !request.refund);
            Ok(())
        })
        .expect("it is lent");
    assert!(!asked.includes(Include::Limits) && !asked.retry_jitter());
}

#[test]
fn every_field_arrives() {
    let body = br#" {
        "credential": "qk_secret", "org": "acme", "endpoint": "POST /scan", "cost": 18446744073709551615,
        "amounts": {"tokens": 7}, "attributes": {"ip": "10.0.0.1", "user": "u"}, "environment": "prod",
        "scopes": ["soc2"], "check_only": true, "operation_id": "op", "refund": true, "retry_jitter": true,
        "include": ["limits", "INCLUDE_HEADERS", "policy", "shadow"], "charge_mode": "CHARGE_MODE_EACH"
    } "#;
    let asked = ShouldAllow::parse(body).expect("a request");
    asked
        .with_request(asked.org(), |request| {
            assert_eq!(request.subject, Subject::Credential("qk_secret"));
            assert_eq!((request.org, request.endpoint), ("acme", "POST /scan"));
            assert_eq!(request.cost, Some(u64::MAX));
            assert_eq!(request.amounts, [("tokens", 7)]);
            assert_eq!(request.attributes, [("ip", "10.0.0.1"), ("user", "u")]);
            assert_eq!((request.environment, request.scopes), ("prod", ["soc2"].as_slice()));
            assert!(request.check_only && request.refund);
            assert_eq!(request.operation_id, "op");
            assert_eq!(request.charge_mode, ChargeMode::Each);
            Ok(())
        })
        .expect("it is lent");
    assert!(
        [Include::Limits, Include::Headers, Include::Policy, Include::Shadow]
            .iter()
            .all(|what| asked.includes(*what))
    );
    assert!(asked.retry_jitter());
    assert_eq!(asked.key_id(), "");
}

#[test]
fn null_is_unset() {
    let body = r#"{"key":"k","credential":null,"org":null,"endpoint":null,"cost":null,"amounts":null,
        "attributes":null,"environment":null,"scopes":null,"check_only":null,"operation_id":null,"include":null,
        "charge_mode":null,"refund":null,"retry_jitter":null}"#;
    assert_eq!(problem(body), "nothing");
}

#[test]
fn problems_name_the_field() {
    let mut table = String::new();
    for body in [
        r"{}",
        r#"{"key":"k","credential":"c"}"#,
        r#"{"key":5}"#,
        r#"{"key":"k","cost":-1}"#,
        r#"{"key":"k","cost":1.5}"#,
        r#"{"key":"k","cost":1.0}"#,
        r#"{"key":"k","cost":1e3}"#,
        r#"{"key":"k","cost":"1"}"#,
        r#"{"key":"k","cost":18446744073709551616}"#,
        r#"{"key":"k","amounts":{"tokens":-1}}"#,
        r#"{"key":"k","amounts":{"tokens":1,"tokens":2}}"#,
        r#"{"key":"k","amounts":[1]}"#,
        r#"{"key":"k","attributes":{"ip":1}}"#,
        r#"{"key":"k","scopes":"soc2"}"#,
        r#"{"key":"k","scopes":["a",1]}"#,
        r#"{"key":"k","check_only":"yes"}"#,
        r#"{"key":"k","include":["everything"]}"#,
        r#"{"key":"k","charge_mode":"sometimes"}"#,
        r#"{"key":"k","costs":1}"#,
        r#"{"key":"k","key":"l"}"#,
    ] {
        writeln!(table, "{body}\n    {}", problem(body)).expect("strings grow");
    }
    expect![[r#"
        {}
            key: one of `key` and `credential` must be set
        {"key":"k","credential":"c"}
            credential: it cannot be set together with `key`
        {"key":5}
            key: invalid type: integer `5`, expected a string at line 1 column 8
        {"key":"k","cost":-1}
            cost: invalid type: integer `-1`, expected a whole number from 0 to 18446744073709551615 at line 1 column 20
        {"key":"k","cost":1.5}
            cost: invalid type: floating point `1.5`, expected a whole number from 0 to 18446744073709551615 at line 1 column 21
        {"key":"k","cost":1.0}
            cost: invalid type: floating point `1.0`, expected a whole number from 0 to 18446744073709551615 at line 1 column 21
        {"key":"k","cost":1e3}
            cost: invalid type: floating point `1000.0`, expected a whole number from 0 to 18446744073709551615 at line 1 column 21
        {"key":"k","cost":"1"}
            cost: invalid type: string "1", expected a whole number from 0 to 18446744073709551615 at line 1 column 21
        {"key":"k","cost":18446744073709551616}
            cost: invalid type: floating point `1.8446744073709552e+19`, expected a whole number from 0 to 18446744073709551615 at line 1 column 38
        {"key":"k","amounts":{"tokens":-1}}
            amounts.tokens: invalid type: integer `-1`, expected a whole number from 0 to 18446744073709551615 at line 1 column 33
        {"key":"k","amounts":{"tokens":1,"tokens":2}}
            amounts: duplicate name `tokens` at line 1 column 44
        {"key":"k","amounts":[1]}
            amounts: invalid type: sequence, expected an object at line 1 column 21
        {"key":"k","attributes":{"ip":1}}
            attributes.ip: invalid type: integer `1`, expected a string at line 1 column 31
        {"key":"k","scopes":"soc2"}
            scopes: invalid type: string "soc2", expected a sequence at line 1 column 26
        {"key":"k","scopes":["a",1]}
            scopes[1]: invalid type: integer `1`, expected a string at line 1 column 26
        {"key":"k","check_only":"yes"}
            check_only: invalid type: string "yes", expected a boolean at line 1 column 29
        {"key":"k","include":["everything"]}
            include[0]: unknown variant `everything`, expected one of `INCLUDE_LIMITS`, `limits`, `INCLUDE_HEADERS`, `headers`, `INCLUDE_POLICY`, `policy`, `INCLUDE_SHADOW`, `shadow` at line 1 column 34
        {"key":"k","charge_mode":"sometimes"}
            charge_mode: unknown variant `sometimes`, expected one of `CHARGE_MODE_ALL_OR_NONE`, `CHARGE_MODE_UNSPECIFIED`, `all_or_none`, `CHARGE_MODE_EACH`, `each`, `CHARGE_MODE_RECORD`, `record` at line 1 column 36
        {"key":"k","costs":1}
            costs: unknown field `costs`, expected one of `key`, `credential`, `org`, `endpoint`, `cost`, `amounts`, `attributes`, `environment`, `scopes`, `check_only`, `operation_id`, `include`, `charge_mode`, `refund`, `retry_jitter` at line 1 column 18
        {"key":"k","key":"l"}
            body: duplicate field `key` at line 1 column 16
    "#]].assert_eq(&table);
}

#[test]
fn what_is_no_object_is_refused() {
    let mut table = String::new();
    for body in [
        "",
        "  ",
        "[]",
        r#"["k"]"#,
        "null",
        "5",
        r#"{"key":"k"} x"#,
        r#"{"key":"k""#,
        "{key:1}",
    ] {
        writeln!(table, "{body:?}\n    {}", problem(body)).expect("strings grow");
    }
    expect![[r#"
        ""
            body: a JSON object is expected
        "  "
            body: a JSON object is expected
        "[]"
            body: a JSON object is expected
        "[\"k\"]"
            body: a JSON object is expected
        "null"
            body: a JSON object is expected
        "5"
            body: a JSON object is expected
        "{\"key\":\"k\"} x"
            body: trailing characters at line 1 column 13
        "{\"key\":\"k\""
            body: EOF while parsing an object at line 1 column 10
        "{key:1}"
            body: key must be a string at line 1 column 2
    "#]]
    .assert_eq(&table);
    let error = ShouldAllow::parse(b"{\"key\":\"\xff\"}").err().expect("not UTF-8");
    assert!(error.to_string().starts_with("key: "), "{error}");
}
