//! KV that outlives its process.

use super::device::{Device, Session};
use super::world::{MODEL, World, cloud_peer, eventually, layers, reference_after, stage, whole};
use crate::{Config, SegmentOptions, Server};
use base::{LayerRange, Position, Role, Sampling, TokenId};
use protocol::{Epoch, PlannedStage, TenantSecret};
use settings::Pace;
use std::path::Path;
use std::time::Duration;

/// Three blocks, and a few tokens.
fn text() -> Vec<TokenId> {
    (0..101).map(|i| TokenId(300 + i * 11 % 900)).collect()
}

fn with_store(world: &mut World, folder: &Path) -> Config {
    let segments = SegmentOptions { store: Some(folder.to_owned()), store_mib: 64 };
    let mut config = Config { segments, ..world.config(Role::Cloud) };
    // The devices of these tests say no goodbye.
    config.limits.drain = Duration::ZERO;
    config
}

/// Files of segments; beside them lies the node's secret.
fn blocks(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { blocks(&path) } else { usize::from(is_block(&path)) })
        .sum()
}

fn is_block(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "segment")
}

async fn session(
    device: &Device,
    id: u8,
    stages: Vec<PlannedStage>,
    own: Option<LayerRange>,
    tenant: Option<u8>,
) -> Session {
    let mut session = device.session(id, Sampling::GREEDY, stages, own).await;
    session.open.tenant = tenant.map(|secret| TenantSecret([secret; 32]));
    session.opened().await;
    session
}

/// Goal: a node that is restarted has what its sessions computed. Method: one process computes a text,
/// the next one is told of it, in each way in which a text is named and of each part of the layers.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_store_is_warm_after_a_restart() {
    let (mut world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let expected = reference_after(&text(), 1);
    let last = MODEL.config().layers;
    let split = || (vec![stage("cloud", layers(2, last))], Some(layers(0, 2)));
    for tenant in [None, Some(1)] {
        let before = blocks(folder.path());
        let cloud = Server::start(with_store(&mut world, folder.path())).await.unwrap();
        let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
        let mut computing = session(&device, 1, whole(), None, tenant).await;
        computing.pass(&text(), 0, 0, 0).await;
        assert_eq!(computing.verdict().await.tokens, expected);
        eventually(|| blocks(folder.path()) == before + 3).await;
        cloud.drain().await;
        let cloud = Server::start(with_store(&mut world, folder.path())).await.unwrap();
        let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
        for (id, (stages, own)) in [(2, split()), (3, (whole(), None))] {
            let mut told = session(&device, id, stages, own, tenant).await;
            told.tell(&text()[..96], 0).await;
            assert_eq!(told.verdict().await.from, Position(96), "session {id} of {tenant:?}");
            assert_eq!(cloud.busy().as_nanos(), 0, "nothing has run");
        }
        cloud.drain().await;
        // 20 ms for each row that runs.
        let mut slow = with_store(&mut world, folder.path());
        slow.engine.pace = Pace { per_row_ms: 20.0, ..Pace::default() };
        let cloud = Server::start(slow).await.unwrap();
        let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
        let mut again = session(&device, 4, whole(), None, tenant).await;
        again.pass(&text(), 0, 0, 0).await;
        assert_eq!(again.verdict().await.tokens, expected, "{tenant:?}");
        assert!(cloud.busy() < Duration::from_millis(20 * 101), "{:?} of all rows", cloud.busy());
        cloud.drain().await;
    }
}

/// Another tenant's text has another name there too, and so it has without a tenant.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_tenant_left_no_other_finds() {
    let (mut world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let cloud = Server::start(with_store(&mut world, folder.path())).await.unwrap();
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut computing = session(&device, 1, whole(), None, Some(1)).await;
    computing.pass(&text(), 0, 0, 0).await;
    computing.verdict().await;
    eventually(|| blocks(folder.path()) == 3).await;
    cloud.drain().await;
    let cloud = Server::start(with_store(&mut world, folder.path())).await.unwrap();
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    for (id, tenant, held) in [(2, None, 0), (3, Some(2), 0), (4, Some(1), 96)] {
        let mut told = session(&device, id, whole(), None, tenant).await;
        told.tell(&text()[..96], 0).await;
        match held {
            0 => assert_eq!(told.gap().await, 0, "{tenant:?}"),
            held => assert_eq!(told.verdict().await.from, Position(held), "{tenant:?}"),
        }
        told.open.epoch = Epoch(1);
    }
}

/// What names the KV of those who name no tenant is nobody else's to read.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_node_is_its_own_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let cloud = Server::start(with_store(&mut world, folder.path())).await.unwrap();
    let mode = folder.path().join("node-secret").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    cloud.drain().await;
}

/// A folder that cannot be used is an error at the start, with its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_is_said_at_the_start() {
    let (mut world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = Server::start(with_store(&mut world, &file)).await.unwrap_err();
    assert!(error.to_string().contains("segments.store"), "{error}");
}
