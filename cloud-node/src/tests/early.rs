//! Sessions that are opened behind a hello that nobody has answered yet.

use super::device::{dial, hello, open};
use super::world::{World, cloud_peer, whole};
use base::{ModelFingerprint, Sampling};
use protocol::{Hello, Message};
use std::time::Duration;
use transport::Network;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough to see that nothing happens.
const MOMENT: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn an_open_before_the_hello_waits_and_is_answered_once_that_was_accepted() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let (peer, network) = (cloud_peer(), Network::system());
    let (_dialer, link) = dial(network, &mut world, "device", &peer, cloud.local_addr()).await;
    let mut session = link.open_session().await.unwrap();
    session.send(Message::Open(open(1, Sampling::GREEDY, whole()))).await.unwrap();
    assert!(tokio::time::timeout(MOMENT, session.recv()).await.is_err());
    assert_eq!(cloud.sessions(), 0);

    let mut control = link.control().await.unwrap();
    control.send(Message::Hello(hello("device"))).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, session.recv()).await.unwrap().unwrap();
    assert!(matches!(answer.message, Message::Opened(_)));
    assert!(matches!(control.recv().await.unwrap(), Message::Welcome(_)));
    assert_eq!(cloud.sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_behind_a_hello_that_is_refused_opens_nothing() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let (peer, network) = (cloud_peer(), Network::system());
    let (_dialer, link) = dial(network, &mut world, "device", &peer, cloud.local_addr()).await;
    let mut control = link.control().await.unwrap();
    let misfit = Hello { model: Some(ModelFingerprint([7; 32])), ..hello("device") };
    control.send(Message::Hello(misfit)).await.unwrap();
    let mut session = link.open_session().await.unwrap();
    session.send(Message::Open(open(1, Sampling::GREEDY, whole()))).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, session.recv()).await.unwrap();
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(cloud.sessions(), 0);
}
