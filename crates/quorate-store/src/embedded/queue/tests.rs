//! The queue keeps its order and its bounds, and lets nobody wait for ever.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn what_came_first_goes_first() {
    let queue = Queue::new(3, 100);
    for item in ["a", "b", "c"] {
        queue.push(1, item).unwrap();
    }
    assert_eq!(queue.len(), 3);
    let popped = [
        queue.pop(),
        queue.pop_now(),
        queue.pop_before(Instant::now()),
        queue.pop_now(),
    ];
    assert_eq!(popped, [Some((1, "a")), Some((1, "b")), Some((1, "c")), None]);
}

#[test]
fn it_is_bounded_in_items_and_bytes() {
    let queue = Queue::new(2, 10);
    assert_eq!(queue.push(11, 'x'), Err(Turned::Full));
    assert_eq!(queue.push(6, 'a'), Ok(()));
    assert_eq!(queue.push(5, 'x'), Err(Turned::Full));
    assert_eq!(queue.push(4, 'b'), Ok(()));
    assert_eq!(queue.push(0, 'x'), Err(Turned::Full));
    assert_eq!(queue.pop_now(), Some((6, 'a')));
    assert_eq!(queue.push(6, 'c'), Ok(()));
}

#[test]
fn a_closed_queue_gives_what_it_has() {
    let queue = Queue::new(2, 10);
    queue.push(1, 'a').unwrap();
    queue.close();
    assert_eq!(queue.push(1, 'b'), Err(Turned::Closed));
    assert_eq!(queue.pop(), Some((1, 'a')));
    assert_eq!(queue.pop(), None);
    let far = Instant::now() + Duration::from_secs(3_600);
    assert_eq!(queue.pop_before(far), None);
}

#[test]
fn who_waits_is_woken() {
    let queue = Arc::new(Queue::new(2, 10));
    let waiting = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let far = Instant::now() + Duration::from_secs(3_600);
            [queue.pop(), queue.pop_before(far), queue.pop()]
        })
    };
    queue.push(1, 'a').unwrap();
    queue.push(1, 'b').unwrap();
    queue.close();
    assert_eq!(waiting.join().unwrap(), [Some((1, 'a')), Some((1, 'b')), None]);
}

#[test]
fn when_nobody_attends_any_more_nothing_waits() {
    let queue = Queue::new(2, 10);
    let item = Arc::new(());
    queue.push(1, Arc::clone(&item)).unwrap();
    drop(queue.attend());
    assert_eq!(Arc::strong_count(&item), 1);
    assert_eq!(queue.push(1, item), Err(Turned::Closed));
}
