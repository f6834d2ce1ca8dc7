//! Every shape that the two databases answer with is read.

use scylla::value::CqlValue;

use super::Cas;

fn read(columns: &[(&str, Option<CqlValue>)]) -> Result<Cas, String> {
    Cas::of(columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())))
}

#[test]
fn applied_alone_is_enough() {
    let cas = read(&[("[applied]", Some(CqlValue::Boolean(true)))]).expect("read");
    assert!(cas.applied);
    assert!(cas.was("version").is_none());
}

#[test]
fn columns_of_the_row_before_do_not_matter_to_whether_it_applied() {
    let columns = [
        ("[applied]", Some(CqlValue::Boolean(true))),
        ("version", Some(CqlValue::BigInt(4))),
        ("holdings", None),
    ];
    let cas = read(&columns).expect("read");
    assert!(cas.applied);
    assert_eq!(cas.was("version"), Some(&CqlValue::BigInt(4)));
    assert!(cas.was("holdings").is_none(), "null is absence");
}

#[test]
fn a_refusal_may_say_what_is_there_in_any_order() {
    let columns = [
        ("version", Some(CqlValue::BigInt(7))),
        ("[applied]", Some(CqlValue::Boolean(false))),
    ];
    let cas = read(&columns).expect("read");
    assert!(!cas.applied);
    assert_eq!(cas.was("version"), Some(&CqlValue::BigInt(7)));
}

#[test]
fn an_answer_that_does_not_say_is_an_error() {
    for columns in [
        vec![("version", Some(CqlValue::BigInt(7)))],
        vec![("[applied]", None)],
        vec![("[applied]", Some(CqlValue::BigInt(1)))],
    ] {
        assert!(read(&columns).is_err());
    }
}
