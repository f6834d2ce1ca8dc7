//! A database with faults: a proxy before real nodes that speaks enough of CQL's framing (version 4, no compression) to
//! do something to the request or the answer of one statement.
//!
//! ```ignore
//! let proxy = Proxy::start(node.address()).await;
//! let address = proxy.url("quorate", "");             // scylla://…, so that a server or store goes through it
//! proxy.next("SET granted", Fault::LoseAnswer);       // of the next statement whose text holds this
//! …                                                   // a move: applied, but whoever sent it does not learn
//! assert_eq!(proxy.fired(), 1);
//! proxy.answered("SET granted");                      // how many of them the database has answered, and were passed on
//! proxy.cut();                                        // nobody gets through, who was is thrown out
//! proxy.mend();
//! ```
//!
//! Statements are told apart by their text: the proxy watches them being prepared. It runs on the runtime it was started
//! on, and ends with it. A faulty answer is to exactly the request that matched, whatever else is on the connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Operation codes.
const PREPARE: u8 = 0x09;
const EXECUTE: u8 = 0x0A;
const RESULT: u8 = 0x08;
/// The kind of a result that answers PREPARE.
const PREPARED: [u8; 4] = [0, 0, 0, 4];
/// Version 4, from the server; an error.
const ERROR_HEAD: [u8; 2] = [0x84, 0x00];

/// What happens to one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reaches the database; its answer is lost.
    LoseAnswer,
    /// It never reaches the database.
    LoseRequest,
    /// It never reaches the database, which answers with an error.
    Refuse(Said),
    /// It reaches the database, which answers with an error all the same.
    DoAndSay(Said),
    /// The connection breaks before it reaches the database.
    CloseBefore,
    /// It reaches the database; the connection breaks before its answer arrives.
    CloseAfter,
    /// It reaches the database late.
    DelayRequest(Duration),
    /// Its answer is late.
    DelayAnswer(Duration),
}

/// What a database says instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Too few replicas for a round of Paxos (consistency SERIAL).
    UnavailableForPaxos,
    /// Too few replicas for the commit after it (LOCAL_QUORUM).
    UnavailableForCommit,
    /// The rounds took too long (write type CAS).
    PaxosTimeout,
    /// The coordinator has too much to do.
    Overloaded,
}

/// A proxy before the nodes of one cluster. A fault is of the cluster: it happens at whichever node is asked.
pub struct Proxy {
    ways: Vec<Way>,
    state: Arc<Mutex<State>>,
    cut: watch::Sender<bool>,
}

/// One node: where the proxy is, and where it leads to.
#[derive(Clone, Copy)]
struct Way {
    address: SocketAddr,
    real: SocketAddr,
}

#[derive(Default)]
struct State {
    /// What is to happen next, and to which statement.
    armed: Option<(String, Fault)>,
    fired: usize,
    /// How often each statement was answered as it was asked, by its text.
    answered: HashMap<String, usize>,
    /// Statements by their prepared ids.
    texts: HashMap<Vec<u8>, String>,
}

/// What one connection remembers of requests under way, by stream.
#[derive(Default)]
struct UnderWay {
    preparing: HashMap<[u8; 2], String>,
    executing: HashMap<[u8; 2], String>,
    faulty: HashMap<[u8; 2], Fault>,
}

/// What becomes of a frame.
enum Act {
    Pass,
    Lose,
    Delay(Duration),
    Close,
    /// The client gets this; nobody gets the frame.
    Answer(Vec<u8>),
}

impl Proxy {
    /// Starts one before a node.
    pub async fn start(real: SocketAddr) -> Self {
        Self::before(&[real]).await
    }

    /// Starts one before every node of a cluster.
    pub async fn before(nodes: &[SocketAddr]) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (cut, watched) = watch::channel(false);
        let mut ways = Vec::new();
        for &real in nodes {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
            let address = listener.local_addr().expect("it is bound");
            ways.push(Way { address, real });
            tokio::spawn(accept(listener, real, Arc::clone(&state), watched.clone()));
        }
        Self { ways, state, cut }
    }

    /// The address for a store in `keyspace`, with further settings (`&name=value…`). Nodes announce their own addresses,
    /// and the driver takes the port that it knows for all nodes: whatever it makes of that is led back here.
    pub fn url(&self, keyspace: &str, settings: &str) -> String {
        let addresses: Vec<String> = self.ways.iter().map(|way| way.address.to_string()).collect();
        let mut reach = Vec::new();
        for to in &self.ways {
            let ports = self.ways.iter().map(|way| way.address.port());
            let announced = ports.map(|port| SocketAddr::new(to.real.ip(), port)).chain([to.real]);
            reach.extend(announced.map(|announced| format!("{announced}~{}", to.address)));
        }
        format!(
            "scylla://{}/{keyspace}?reach={}{settings}",
            addresses.join(","),
            reach.join(",")
        )
    }

    /// Does something to the next statement whose text holds `part`.
    pub fn next(&self, part: &str, fault: Fault) {
        self.state().armed = Some((part.to_owned(), fault));
    }

    /// How many faults have happened.
    pub fn fired(&self) -> usize {
        self.state().fired
    }

    /// How many statements whose text holds `part` were answered, without a fault.
    pub fn answered(&self, part: &str) -> usize {
        let state = self.state();
        let counts = state.answered.iter().filter(|(text, _)| text.contains(part));
        counts.map(|(_, count)| count).sum()
    }

    /// Breaks all connections, and takes none.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

/// Takes connections to one node, for as long as the runtime is there.
async fn accept(listener: TcpListener, real: SocketAddr, state: Arc<Mutex<State>>, cut: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let (state, mut cut) = (Arc::clone(&state), cut.clone());
        if *cut.borrow() {
            continue;
        }
        tokio::spawn(async move {
            tokio::select! {
                () = carry(client, real, state) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
    }
}

/// Carries one connection until either side, or a fault, ends it.
async fn carry(client: TcpStream, real: SocketAddr, state: Arc<Mutex<State>>) {
    let Ok(server) = TcpStream::connect(real).await else {
        return;
    };
    // Frames are small and answered: without it each waits for the acknowledgement of the one before.
    client.set_nodelay(true).expect("a TCP connection");
    server.set_nodelay(true).expect("a TCP connection");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (client_queue, mut for_client) = mpsc::unbounded_channel::<Vec<u8>>();
    let (server_queue, mut for_server) = mpsc::unbounded_channel::<Vec<u8>>();
    let under_way = Mutex::new(UnderWay::default());
    let requests = async {
        while let Some(frame) = read(&mut from_client).await {
            let act = on_request(&frame, &mut under_way.lock().expect("held briefly"), &state);
            if !perform(act, frame, &server_queue, &client_queue) {
                return;
            }
        }
    };
    let answers = async {
        while let Some(frame) = read(&mut from_server).await {
            let act = on_answer(&frame, &mut under_way.lock().expect("held briefly"), &state);
            if !perform(act, frame, &client_queue, &client_queue) {
                return;
            }
        }
    };
    let write_client = async {
        while let Some(bytes) = for_client.recv().await {
            if to_client.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    let write_server = async {
        while let Some(bytes) = for_server.recv().await {
            if to_server.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // Whoever ends first drops all four halves.
    tokio::select! {
        () = requests => {}
        () = answers => {}
        () = write_client => {}
        () = write_server => {}
    }
}

/// A frame: nine bytes, of which the last four are the length of what follows.
async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut frame = vec![0; 9];
    from.read_exact(&mut frame).await.ok()?;
    let length = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
    frame.resize(9 + usize::try_from(length).expect("32 bits"), 0);
    from.read_exact(&mut frame[9..]).await.ok()?;
    Some(frame)
}

fn on_request(frame: &[u8], under_way: &mut UnderWay, state: &Mutex<State>) -> Act {
    let stream = [frame[2], frame[3]];
    match frame[4] {
        PREPARE => {
            // A text with its length in four bytes before it.
            let text = frame.get(13..).map(String::from_utf8_lossy).unwrap_or_default();
            under_way.preparing.insert(stream, text.into_owned());
            Act::Pass
        }
        EXECUTE => {
            let mut state = state.lock().expect("held briefly");
            let text = short_bytes(frame, 9)
                .and_then(|id| state.texts.get(id))
                .cloned()
                .unwrap_or_default();
            let Some((_, fault)) = state.armed.take_if(|(part, _)| text.contains(part.as_str())) else {
                under_way.executing.insert(stream, text);
                return Act::Pass;
            };
            state.fired += 1;
            match fault {
                Fault::LoseRequest => Act::Lose,
                Fault::Refuse(said) => Act::Answer(error(stream, said)),
                Fault::CloseBefore => Act::Close,
                Fault::DelayRequest(time) => Act::Delay(time),
                _ => {
                    under_way.faulty.insert(stream, fault);
                    Act::Pass
                }
            }
        }
        _ => Act::Pass,
    }
}

fn on_answer(frame: &[u8], under_way: &mut UnderWay, state: &Mutex<State>) -> Act {
    let stream = [frame[2], frame[3]];
    if let Some(text) = under_way.preparing.remove(&stream)
        && frame[4] == RESULT
        && frame.get(9..13) == Some(&PREPARED)
        && let Some(id) = short_bytes(frame, 13)
    {
        state.lock().expect("held briefly").texts.insert(id.to_vec(), text);
    }
    if let Some(text) = under_way.executing.remove(&stream)
        && frame[4] == RESULT
    {
        *state.lock().expect("held briefly").answered.entry(text).or_default() += 1;
    }
    match under_way.faulty.remove(&stream) {
        Some(Fault::LoseAnswer) => Act::Lose,
        Some(Fault::DoAndSay(said)) => Act::Answer(error(stream, said)),
        Some(Fault::CloseAfter) => Act::Close,
        Some(Fault::DelayAnswer(time)) => Act::Delay(time),
        _ => Act::Pass,
    }
}

/// Does it; false when the connection is to be closed.
fn perform(
    act: Act,
    frame: Vec<u8>,
    onward: &mpsc::UnboundedSender<Vec<u8>>,
    client: &mpsc::UnboundedSender<Vec<u8>>,
) -> bool {
    match act {
        Act::Pass => onward.send(frame).is_ok(),
        Act::Lose => true,
        Act::Close => false,
        Act::Answer(bytes) => client.send(bytes).is_ok(),
        Act::Delay(time) => {
            let onward = onward.clone();
            tokio::spawn(async move {
                // tidy: allow sleep because the delay is the fault
                tokio::time::sleep(time).await;
                let _ = onward.send(frame);
            });
            true
        }
    }
}

/// Bytes with their length in two bytes before them.
fn short_bytes(frame: &[u8], at: usize) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]);
    frame.get(at + 2..at + 2 + usize::from(length))
}

/// An error frame: code, message, and what the code wants.
fn error(stream: [u8; 2], said: Said) -> Vec<u8> {
    const SERIAL: u16 = 8;
    const LOCAL_QUORUM: u16 = 6;
    let message = b"forged";
    let (code, details): (i32, Vec<u8>) = match said {
        Said::UnavailableForPaxos => (0x1000, [&SERIAL.to_be_bytes()[..], &[0, 0, 0, 2, 0, 0, 0, 1]].concat()),
        Said::UnavailableForCommit => (
            0x1000,
            [&LOCAL_QUORUM.to_be_bytes()[..], &[0, 0, 0, 2, 0, 0, 0, 1]].concat(),
        ),
        Said::PaxosTimeout => (
            0x1100,
            [&SERIAL.to_be_bytes()[..], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 3], b"CAS"].concat(),
        ),
        Said::Overloaded => (0x1001, Vec::new()),
    };
    let length = u16::try_from(message.len()).expect("short");
    let body = [&code.to_be_bytes()[..], &length.to_be_bytes(), message, &details].concat();
    let length = u32::try_from(body.len()).expect("short");
    [&ERROR_HEAD[..], &stream, &[0x00], &length.to_be_bytes(), &body].concat()
}
