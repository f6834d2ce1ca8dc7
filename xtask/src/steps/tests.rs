//! A failed step neither stops the others nor is forgotten.

use anyhow::bail;

use super::Steps;

#[test]
fn a_failure_is_kept_to_the_end() {
    let mut steps = Steps::default();
    assert_eq!(steps.run("first", || Ok(1)), Some(1));
    assert_eq!(steps.run::<()>("second", || bail!("broken")), None);
    assert_eq!(steps.run("third", || Ok(3)), Some(3));
    let table = steps.table();
    assert!(table.contains("FAILED: broken"), "{table}");
    assert!(table.ends_with("FAILED"), "{table}");
    assert_eq!(
        steps.summary().expect_err("a step failed").to_string(),
        "1 of 3 steps failed"
    );
}

#[test]
fn a_step_that_could_not_run_is_a_failure() {
    let mut steps = Steps::default();
    steps.not_run("later", "no compiler");
    assert!(steps.summary().is_err());
}

#[test]
fn a_clean_run_is_ok() {
    let mut steps = Steps::default();
    steps.run("only", || Ok(()));
    assert!(steps.table().contains("only"));
    assert!(steps.summary().is_ok());
}
