//! Tests of reading Dockerfiles.

use super::Dockerfile;

#[test]
fn what_is_run_and_how_is_found_over_several_lines() {
    let text = r#"
# RUN nothing
FROM a AS b
RUN one --two
RUN three \
    four
ENV A=1 \
    B="2"
HEALTHCHECK --interval=5s \
    CMD ["/x", "health"]
CMD ["serve"]
"#;
    let file = Dockerfile::parse(text).expect("it can be read");
    assert_eq!(file.runs, ["one --two", "three four"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(file.environment, [pair("A", "1"), pair("B", "2")]);
    assert_eq!(file.health, ["/x", "health"]);
    assert_eq!(file.command, ["serve"]);
}

#[test]
fn a_command_in_the_form_of_a_shell_is_refused() {
    Dockerfile::parse("CMD serve").expect_err("the image has no shell");
    Dockerfile::parse("HEALTHCHECK NONE").expect_err("there is one");
}
