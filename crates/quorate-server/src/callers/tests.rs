//! Who is known, and for which org each may ask.

use super::*;

fn caller(name: &str, orgs: &[&str]) -> Arc<Caller> {
    let orgs = if orgs == ["*"] {
        Orgs::All
    } else {
        Orgs::Only(orgs.iter().map(|org| (*org).to_owned()).collect())
    };
    Arc::new(Caller {
        name: name.to_owned(),
        orgs,
    })
}

fn some_callers() -> Callers {
    Callers::new([
        (caller("gateway", &["*"]), vec![Proof::Token(hash_token(b"g-secret"))]),
        (
            caller("acme-proxy", &["acme"]),
            vec![Proof::Certificate("spiffe://acme/proxy".to_owned())],
        ),
        (caller("two", &["a", "b"]), vec![Proof::Token(hash_token(b"two"))]),
    ])
}

fn name_of(identity: Result<Identity, Refusal>) -> Result<String, Refusal> {
    identity.map(|identity| match identity {
        Identity::Anyone => "anyone".to_owned(),
        Identity::Known(caller) => caller.name.clone(),
    })
}

#[test]
fn without_a_list_everybody_may_ask_for_every_org() {
    let identity = Callers::default().identify(None, None).expect("the door is open");
    assert_eq!(identity, Identity::Anyone);
    assert_eq!(identity.org("acme"), Ok("acme"));
    assert_eq!(identity.org(""), Ok(""));
}

#[test]
fn a_token_or_a_certificate_names_the_caller() {
    let callers = some_callers();
    let names = ["proxy.acme.test".to_owned(), "spiffe://acme/proxy".to_owned()];
    let certified = callers.by_certificate(&names);
    assert_eq!(
        name_of(callers.identify(None, Some(b"Bearer g-secret"))),
        Ok("gateway".to_owned())
    );
    assert_eq!(
        name_of(callers.identify(None, Some(b"bearer  g-secret "))),
        Ok("gateway".to_owned())
    );
    assert_eq!(
        name_of(callers.identify(certified.as_ref(), None)),
        Ok("acme-proxy".to_owned())
    );
    assert_eq!(
        name_of(callers.identify(certified.as_ref(), Some(b"Bearer g-secret"))),
        Ok("acme-proxy".to_owned())
    );
}

#[test]
fn nobody_else_is_let_in() {
    let callers = some_callers();
    for authorization in [
        None,
        Some("g-secret"),
        Some("Bearer"),
        Some("Bearer "),
        Some("Basic g-secret"),
        Some("Bearer x"),
    ] {
        let certified = callers.by_certificate(&["spiffe://other".to_owned()]);
        let identity = callers.identify(certified.as_ref(), authorization.map(str::as_bytes));
        assert_eq!(identity, Err(Refusal::Unauthenticated), "{authorization:?}");
    }
}

#[test]
fn a_caller_asks_for_its_own_orgs_only() {
    let callers = some_callers();
    let certified = callers.by_certificate(&["spiffe://acme/proxy".to_owned()]);
    let one = callers.identify(certified.as_ref(), None).expect("known");
    assert_eq!(one.org("acme"), Ok("acme"));
    assert_eq!(one.org(""), Ok("acme"), "its only org is meant, never the key's");
    assert_eq!(one.org("other"), Err(Refusal::OrgForbidden));
    let two = callers.identify(None, Some(b"Bearer two")).expect("known");
    assert_eq!(two.org("b"), Ok("b"));
    assert_eq!(two.org(""), Err(Refusal::OrgUnnamed));
    let all = callers.identify(None, Some(b"Bearer g-secret")).expect("known");
    assert_eq!(all.org("anything"), Ok("anything"));
}
