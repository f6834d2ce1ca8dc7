//! How lines look, and which are let through.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{LogFormat, check, subscriber};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(filter: &str, json: bool, colours: bool) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(filter, json, colours, move || writer.clone()).expect("a filter");
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(listener = "grpc", connections = 3, "listening");
        tracing::debug!("not wanted");
    });
    let bytes = lines.0.lock().clone();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn json_is_one_object_per_line_with_values_as_fields() {
    let text = logged("info", true, false);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line is wanted: {text}")
    };
    assert_eq!(line["message"], "listening");
    assert_eq!(line["listener"], "grpc");
    assert_eq!(line["connections"], 3);
    assert_eq!(line["level"], "INFO");
}

#[test]
fn text_has_colours_only_when_they_are_wanted() {
    let plain = logged("info", false, false);
    assert!(plain.contains("listening listener=\"grpc\" connections=3"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    assert!(logged("info", false, true).contains('\u{1b}'));
}

#[test]
fn the_filter_is_obeyed() {
    assert_eq!(logged("off", true, false), "");
    assert_eq!(logged("debug", true, false).lines().count(), 2);
}

#[test]
fn a_peer_cannot_fill_the_log_through_a_library() {
    let logged = |filter: &str| {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(filter, true, false, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "h2::proto::ping_pong", "recv PING ack that we never sent");
        });
        let bytes = lines.0.lock().clone();
        !bytes.is_empty()
    };
    assert!(!logged("info"));
    assert!(!logged("debug,quorate_server=trace"));
    assert!(logged("info,h2=warn"), "whoever wants to see it says so");
}

#[test]
fn a_filter_that_means_nothing_is_refused() {
    check("info,quorate_server=debug").expect("a filter");
    let error = check("quorate=loudly").expect_err("no level");
    assert!(error.to_string().contains("`quorate=loudly`"), "{error}");
}

#[test]
fn a_terminal_gets_text_unless_told_otherwise() {
    assert!(LogFormat::Auto.is_json(false));
    assert!(!LogFormat::Auto.is_json(true));
    assert!(LogFormat::Json.is_json(true));
    assert!(!LogFormat::Text.is_json(false));
}
