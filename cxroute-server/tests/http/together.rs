//! Many at once: the same distribution as one after the other, no cap exceeded, no copy decided twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::client::Connection;
use crate::desk::{Desk, TENANT, voice};

const CALLS: usize = 200;

fn count(dialled: impl IntoIterator<Item = Option<String>>) -> BTreeMap<Option<String>, usize> {
    let mut counts = BTreeMap::new();
    for agent in dialled {
        *counts.entry(agent).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_calls_are_distributed_like_calls_one_after_the_other() {
    let sequential = Desk::open(TENANT).await;
    let mut expected = Vec::new();
    for _ in 0..CALLS {
        expected.push(sequential.voice(&sequential.session()).await.dialled());
    }
    let expected = count(expected);
    let agent = |number: u8| Some(format!("+1202555000{number}"));
    // A takes one in six up to its cap of 20, C three up to 60, B two up to 70; the others hear the announcement.
    let caps = [(None, 50), (agent(1), 20), (agent(2), 70), (agent(3), 60)];
    assert_eq!(expected, caps.into_iter().collect());

    let desk = Arc::new(Desk::open(TENANT).await);
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let desk = Arc::clone(&desk);
        calls.spawn(async move { desk.voice(&desk.session()).await.dialled() });
    }
    assert_eq!(count(calls.join_all().await), expected);
    let kept = desk.calls().await;
    assert_eq!(kept.len(), CALLS);
    assert_eq!(kept.iter().map(|call| call.attempts.len()).sum::<usize>(), CALLS - 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_copies_get_identical_bytes_and_one_decision() {
    let desk = Arc::new(Desk::open(TENANT).await);
    for _ in 0..50 {
        let session = desk.session();
        let mut copies = JoinSet::new();
        for _ in 0..4 {
            let (desk, session) = (Arc::clone(&desk), session.clone());
            copies.spawn(async move { desk.voice(&session).await.body });
        }
        let mut answers = copies.join_all().await;
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert_eq!(desk.call(&session).await.unwrap().attempts.len(), 1);
    }
    assert_eq!(desk.calls().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_loses_nothing() {
    let desk = Desk::open(TENANT).await;
    let mut sessions = Vec::new();
    for _ in 0..50 {
        let session = desk.session();
        let mut connection = Connection::open(desk.address).await;
        connection.write(&voice(&session).bytes()).await;
        drop(connection);
        sessions.push(session);
    }
    for session in sessions {
        while desk.call(&session).await.is_none() {
            tokio::task::yield_now().await;
        }
        let answer = desk.voice(&session).await;
        assert!(answer.dialled().is_some() || answer.text().contains("Nobody is there"));
    }
    assert_eq!(desk.calls().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_behind_each_other_on_one_connection_are_answered_in_order() {
    let desk = Desk::open(TENANT).await;
    let sessions: Vec<String> = (0..20).map(|_| desk.session()).collect();
    let mut connection = Connection::open(desk.address).await;
    let all: Vec<u8> = sessions.iter().flat_map(|session| voice(session).bytes()).collect();
    connection.write(&all).await;
    for session in &sessions {
        let reply = connection.reply().await.unwrap();
        assert!(reply.text().contains(session), "{session}: {reply:?}");
    }
}
