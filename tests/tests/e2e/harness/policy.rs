//! Policies of tests, in few words.

/// The reference catalogue, as it ships.
pub fn reference() -> String {
    let path = super::root().join("examples/policies/reference.yaml");
    std::fs::read_to_string(path).expect("the reference catalogue ships")
}

/// One plan, given as what stands below `plans: test:`, for every org and key.
pub fn plan(body: &str) -> String {
    let body = body.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("version: 1\ndefaults: {{ plan: test }}\nplans:\n  test:\n{body}")
}

/// One limit per key.
pub fn one_limit(limit: u64, window: &str) -> String {
    plan(&format!(
        "limits: [{{ name: own, per: key, limit: {limit}, window: {window} }}]"
    ))
}
