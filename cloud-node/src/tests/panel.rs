//! What a node that runs tells over HTTP, as sessions come and go.

use super::device::Device;
use super::world::{
    MODEL, POSITIONS, World, cloud_peer, eventually, first, gateway_peer, layers, prompt, stage,
    whole,
};
use crate::{Config, Server};
use base::{Role, Sampling};
use protocol::{Close, Message};
use serde_json::Value;
use std::net::SocketAddr;

/// On a free port of loopback.
fn told(config: Config) -> Config {
    let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    Config { telemetry: settings::Telemetry { listen, ..config.telemetry }, ..config }
}

/// Status and body of an answer.
async fn get(server: &Server, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", server.telemetry_addr().unwrap());
    let asked = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut answer = ureq::Agent::new_with_config(config).get(&url).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    });
    asked.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_of_its_sessions_links_and_passes() {
    let mut world = World::new();
    let mut config = told(world.config(Role::Cloud));
    config.limits.sessions_per_peer_max = 1;
    let cloud = Server::start(config).await.unwrap();
    let device = Device::dial(&mut world, "car", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    device.session(2, Sampling::GREEDY, whole(), None).await.refused().await;

    let (status, page) = get(&cloud, "/metrics").await;
    assert_eq!(status, 200);
    let rows = prompt().len();
    for line in [
        "causeway_node_ready 1.0".to_owned(),
        "causeway_sessions{state=\"served\"} 1.0".to_owned(),
        "causeway_sessions_admitted_total 1.0".to_owned(),
        "causeway_sessions_refused_total{reason=\"peer_sessions\"} 1.0".to_owned(),
        "causeway_links{role=\"device\"} 1.0".to_owned(),
        "causeway_door_events_total{event=\"links\"} 1.0".to_owned(),
        format!("causeway_kv_rows_total{{from=\"computed\"}} {rows}.0"),
        // Batches have 16 rows at most.
        "causeway_pass_rows_count 3".to_owned(),
        format!("causeway_pass_rows_sum {rows}.0"),
        "causeway_engine_jobs 0.0".to_owned(),
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }

    let reading: Value = serde_json::from_str(&get(&cloud, "/status").await.1).unwrap();
    let link = &reading["links"][0];
    assert_eq!((&link["role"], &link["name"]), (&"device".into(), &"car".into()));
    let (sent, all) = (&link["bytes_sent"], &reading["traffic"]["device"]["bytes_sent"]);
    assert!(sent.as_u64().unwrap() > 0 && all.as_u64() >= sent.as_u64(), "{reading}");
    assert!(reading["kv"]["used_bytes"].as_u64().unwrap() > 0, "{reading}");

    session.channel.send(Message::Close(Close {})).await.unwrap();
    eventually(|| cloud.sessions() == 0).await;
    drop((session, device));
    let gone = async {
        loop {
            let reading: Value = serde_json::from_str(&get(&cloud, "/status").await.1).unwrap();
            if reading["links"].as_array().unwrap().is_empty() {
                return reading;
            }
        }
    };
    let reading = tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
    // What crossed a link is not forgotten with it.
    assert!(reading["traffic"]["device"]["bytes_sent"].as_u64() >= sent.as_u64(), "{reading}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_while_it_can_serve_and_alive_until_it_ends() {
    let mut world = World::new();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let gateway = Server::start(told(world.gateway_config(nobody))).await.unwrap();
    let (status, why) = get(&gateway, "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("the upstream cloud at 127.0.0.1:9 cannot be reached"), "{why}");
    assert_eq!(get(&gateway, "/healthz").await.0, 200);

    let cloud = Server::start(told(world.config(Role::Cloud))).await.unwrap();
    assert_eq!(get(&cloud, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(get(&cloud, "/anything").await.0, 404);
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    let draining = async {
        eventually(|| cloud.is_draining()).await;
        let ready = get(&cloud, "/readyz").await;
        let alive = get(&cloud, "/healthz").await.0;
        session.channel.send(Message::Close(Close {})).await.unwrap();
        (ready, alive)
    };
    let ((), ((status, why), alive)) = tokio::join!(cloud.drain(), draining);
    assert_eq!((status, alive), (503, 200));
    assert!(why.contains("takes no more sessions"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_an_error_that_names_the_key() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut config = World::new().config(Role::Cloud);
    config.telemetry.listen = Some(taken.local_addr().unwrap());
    let error = Server::start(config).await.unwrap_err().to_string();
    assert!(error.starts_with("telemetry.listen: cannot listen on 127.0.0.1:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_asks_the_running_node_by_its_configuration() {
    let cloud = Server::start(told(World::new().config(Role::Cloud))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.toml");
    let ask = async |text: String| {
        std::fs::write(&path, text).unwrap();
        let path = path.clone();
        let asked = tokio::task::spawn_blocking(move || crate::status(&path));
        asked.await.unwrap().map_err(|error| error.to_string())
    };
    let at = |port: u16| format!("[telemetry]\nlisten = '0.0.0.0:{port}'\n");
    let port = cloud.telemetry_addr().unwrap().port();
    let said = ask(at(port)).await.unwrap();
    assert!(said.starts_with("cloud     cloud, version "), "{said}");
    assert!(
        said.contains(": ready\nmodel     causeway-demo-target-q8_0.gguf, layers 0 to 6 of 6\n")
    );
    let error = ask(String::new()).await.unwrap_err();
    assert!(error.contains("give `[telemetry] listen` an address"), "{error}");
    cloud.drain().await;
    let error = ask(at(port)).await.unwrap_err();
    assert!(
        error.contains(&format!("no node answers at http://127.0.0.1:{port}/status")),
        "{error}"
    );
}

/// Goal: a node is asked where it is, and nobody on the way is told of it.
/// Method: the test above runs in a process whose environment names a proxy that is not there.
#[test]
fn no_proxy_of_the_environment_is_asked_for_a_status() {
    let test = "tests::panel::a_person_asks_the_running_node_by_its_configuration";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test]).env("ALL_PROXY", "http://127.0.0.1:9");
    let ran = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// Goal: a device that breaks the rules at a gateway leaves nothing behind it, either. Method: a text that is longer
/// than it said, over two tiers; what the cloud has reserved for its session is free again.
#[tokio::test(flavor = "multi_thread")]
async fn who_misbehaves_at_a_gateway_holds_nothing_in_the_cloud() {
    let mut world = World::new();
    let cloud = Server::start(told(world.config(Role::Cloud))).await.unwrap();
    let gateway = world.gateway(cloud.local_addr()).await;
    let rude = Device::dial(&mut world, "rude", &gateway_peer(), gateway.local_addr()).await;
    let (last, half) = (MODEL.config().layers, MODEL.config().layers / 2);
    let stages = vec![first(stage("gateway", layers(0, half))), stage("cloud", layers(half, last))];
    let mut session = rude.session(1, Sampling::GREEDY, stages, None).await;
    session.opened().await;
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    let reserved = async || {
        let reading: Value = serde_json::from_str(&get(&cloud, "/status").await.1).unwrap();
        reading["kv"]["reserved_bytes"].as_u64().unwrap()
    };
    assert!(reserved().await > 0);
    let long = vec![prompt()[0]; POSITIONS as usize + 1];
    session.pass(&long, 0, 0, 0).await;
    let free = async { while reserved().await > 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), free).await.unwrap();
}
