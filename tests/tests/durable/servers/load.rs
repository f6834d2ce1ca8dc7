//! Callers that count what they are given, whatever becomes of who answers them. What a server says of itself proves
//! nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::{Reason, ShouldAllowResponse};
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};

use crate::harness::{AskExt, ask};
use crate::stores;

/// What each account holds: enough for chunks of more than a few requests, and soon spent.
pub const LIMIT: u64 = 200_000;
/// Callers of each server.
pub const CALLERS: u64 = 4;
/// Requests cost between one unit and this.
pub const COST_MAX: u64 = 7;
/// The pause of a caller after each answer: the tests want company on two cores.
const PACE: Duration = Duration::from_millis(5);

/// Units of one account, as callers know them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// They were told that these passed.
    pub admitted: u64,
    /// They were told nothing: spent at most once, perhaps not at all.
    pub unheard: u64,
}

/// What all callers of all servers were given. They spend one account after the other, each to its end.
pub struct Books {
    tallies: Mutex<BTreeMap<u64, Tally>>,
    current: AtomicU64,
    prefix: String,
}

/// What the callers of one server saw.
#[derive(Default)]
pub struct Seen {
    admitted: AtomicU64,
    degraded: AtomicU64,
    away: AtomicU64,
}

impl Books {
    /// Nothing yet, of accounts whose names begin so.
    pub fn new(prefix: &str) -> Self {
        Self {
            tallies: Mutex::default(),
            current: AtomicU64::new(0),
            prefix: prefix.to_owned(),
        }
    }

    /// The org of an account.
    pub fn org(&self, account: u64) -> String {
        format!("{}-{account}", self.prefix)
    }

    /// Every account that was spent from.
    pub fn accounts(&self) -> Vec<(u64, Tally)> {
        let tallies = self.tallies.lock().expect("held briefly");
        tallies.iter().map(|(account, tally)| (*account, *tally)).collect()
    }

    /// Books units of an account.
    pub fn book(&self, account: u64, change: impl FnOnce(&mut Tally)) {
        change(self.tallies.lock().expect("held briefly").entry(account).or_default());
    }
}

impl Seen {
    /// Units that passed.
    pub fn admitted(&self) -> u64 {
        self.admitted.load(Ordering::SeqCst)
    }

    /// Requests that passed although the database was away.
    pub fn degraded(&self) -> u64 {
        self.degraded.load(Ordering::SeqCst)
    }

    /// Requests that were denied because it was.
    pub fn away(&self) -> u64 {
        self.away.load(Ordering::SeqCst)
    }
}

/// One caller of one server.
pub struct Caller {
    /// Its number among them.
    pub number: u64,
    /// Where its server is now, if it runs.
    pub server: watch::Receiver<Option<SocketAddr>>,
    /// Whether to end.
    pub stop: watch::Receiver<bool>,
    pub books: Arc<Books>,
    pub seen: Arc<Seen>,
}

impl Caller {
    /// Asks until it is told to stop.
    pub async fn run(self) {
        let mut requests = self.number;
        while !*self.stop.borrow() {
            let address = *self.server.borrow();
            if let Some(address) = address
                && let Some(client) = connect(address).await
            {
                self.ask_through(client, &mut requests).await;
            } else {
                stores::pause().await;
            }
        }
    }

    /// Asks until the connection breaks.
    async fn ask_through(&self, mut client: DecisionServiceClient<Channel>, requests: &mut u64) {
        let (mut of, mut is_short) = (0, false);
        while !*self.stop.borrow() {
            let account = self.books.current.load(Ordering::SeqCst);
            is_short &= of == account;
            of = account;
            *requests += 1;
            let cost = if is_short { 1 } else { 1 + *requests % COST_MAX };
            let question = ask("k").of(&self.books.org(account)).costing(cost);
            match client.should_allow(question).await {
                Ok(answer) => is_short |= self.heard(account, cost, &answer.into_inner()),
                Err(_) => {
                    self.books.book(account, |tally| tally.unheard += cost);
                    return;
                }
            }
            // tidy: allow sleep because it is the pace of the load, and nothing rests on it
            tokio::time::sleep(PACE).await;
        }
    }

    /// Counts an answer; whether the account has less left than was asked for.
    fn heard(&self, account: u64, cost: u64, answer: &ShouldAllowResponse) -> bool {
        assert_eq!(answer.allowed, answer.reason() == Reason::Ok, "{answer:?}");
        match answer.reason() {
            Reason::Ok => {
                self.books.book(account, |tally| tally.admitted += cost);
                self.seen.admitted.fetch_add(cost, Ordering::SeqCst);
                self.seen
                    .degraded
                    .fetch_add(u64::from(answer.degraded), Ordering::SeqCst);
            }
            Reason::QuotaPending => assert!(answer.retryable && answer.retry_after_ns > 0, "{answer:?}"),
            Reason::Unavailable => {
                assert!(
                    answer.degraded && answer.retryable && answer.retry_after_ns > 0,
                    "{answer:?}"
                );
                self.seen.away.fetch_add(1, Ordering::SeqCst);
            }
            Reason::QuotaExhausted if cost == 1 => {
                self.books.current.fetch_max(account + 1, Ordering::SeqCst);
            }
            Reason::QuotaExhausted => return true,
            _ => panic!("nothing else can be wrong: {answer:?}"),
        }
        false
    }
}

async fn connect(address: SocketAddr) -> Option<DecisionServiceClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address is a URI");
    endpoint.connect().await.ok().map(DecisionServiceClient::new)
}
