//! Configuration files against certificates of a real CA in a temporary folder.

use super::*;
use base::NodeName;
use tempfile::TempDir;
use transport::ca::Authority;

/// A folder with a CA and a certificate each for `cloud`, `gateway` and `device`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::create(&folder.path().join("pki")).unwrap();
    for role in [Role::Cloud, Role::Gateway, Role::Device] {
        let name = NodeName::new(role.as_str()).unwrap();
        authority.issue(role, &name, &folder.path().join("pki")).unwrap();
    }
    folder
}

fn identity(name: &str) -> String {
    format!(
        "[identity]\ncertificate = 'pki/{name}.pem'\nkey = 'pki/{name}.key'\n\
         authority = 'pki/ca.pem'\nrevoked = 'pki/crl.pem'\n"
    )
}

const UPSTREAM: &str = "[upstream]\naddress = 'cloud.example:7443'\nname = 'cloud'\n";
const MODEL: &str = "[model]\npath = 'target.gguf'\n";

fn load(folder: &TempDir, text: &str) -> Result<Config, ConfigError> {
    let path = folder.path().join("node.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path)
}

#[test]
fn a_short_file_gets_the_defaults() {
    let folder = folder();
    let config = load(&folder, &(identity("cloud") + MODEL)).unwrap();
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 7433)));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.engine, EngineOptions::default());
    assert_eq!(config.segments, SegmentOptions { store: None, store_mib: 1024 });
    assert_eq!(config.link, Link::default());
    assert_eq!(config.model, folder.path().join("target.gguf"));
    assert_eq!((config.layers, config.upstream), (None, None));
    config.limits.check().unwrap();
}

#[test]
fn a_model_s_name_is_looked_up_and_the_error_says_what_fetches_it() {
    let folder = folder();
    let model = "[model]\npath = 'hf:a/b:x.gguf'\nstore = 'kept'\n";
    let error = load(&folder, &(identity("cloud") + model)).unwrap_err().to_string();
    let kept = folder.path().join("kept");
    let command = format!("`cloud-node pull hf:a/b:x.gguf --store {}` fetches it", kept.display());
    assert!(error.contains("`model.path`") && error.contains(&command), "{error}");
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let text = identity("gateway")
        + UPSTREAM
        + "[node]\nlisten = '[::1]:0'\n\
           [model]\npath = '/models/target.gguf'\nlayers = [2, 4]\n\
           [limits]\nsessions_max = 1\nsessions_per_peer_max = 2\nkv_tokens_max = 30\n\
           positions_per_session_max = 4\nretry_after_ms = 5\ndrain_s = 6\norphan_s = 7\n\
           [engine]\nthreads = 8\nbatch_rows_max = 9\nshare_prefixes = 'all'\n\
           [segments]\nstore = '/var/kv'\nstore_mib = 10\n\
           [link]\nsilence_ms_min = 10\nsilence_ms_max = 11\nreconnect_ms = 12\n";
    let config = load(&folder(), &text).unwrap();
    assert_eq!(config.listen.to_string(), "[::1]:0");
    assert_eq!(config.model, Path::new("/models/target.gguf"));
    assert_eq!(config.layers, Some(LayerRange::new(2, 4).unwrap()));
    assert_eq!(config.upstream.unwrap().address, "cloud.example:7443");
    let limits = Limits {
        sessions_max: 1,
        sessions_per_peer_max: 2,
        kv_tokens_max: 30,
        positions_per_session_max: 4,
        retry_after: Duration::from_millis(5),
        drain: Duration::from_secs(6),
        orphan: Duration::from_secs(7),
    };
    assert_eq!(config.limits, limits);
    assert_eq!(
        config.engine,
        EngineOptions {
            threads: 8,
            batch_rows_max: 9,
            share_prefixes: SharePrefixes::All,
            ..EngineOptions::default()
        }
    );
    let store = Some(PathBuf::from("/var/kv"));
    assert_eq!(config.segments, SegmentOptions { store, store_mib: 10 });
    assert_eq!(
        config.link,
        Link { silence_ms_min: 10, silence_ms_max: 11, reconnect_ms: 12, ..Link::default() }
    );
}

#[test]
fn what_is_wrong_is_told_with_its_key() {
    let folder = folder();
    let check = |text: String, expected: &str| {
        let error = load(&folder, &text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    };
    let cloud = || identity("cloud") + MODEL;
    check(cloud() + "[limits]\nsession_max = 1\n", "did you mean `sessions_max`?");
    check(cloud() + "[upstreams]\nname = 'a'\n", "did you mean `upstream`?");
    check(identity("cloud"), "model");
    check(cloud() + UPSTREAM, "`upstream`: a node with a cloud certificate must have none");
    check(identity("gateway") + MODEL, "`upstream`: is missing");
    check(identity("device") + MODEL, "`identity.certificate`: is a device's");
    check(identity("nobody") + MODEL, "nobody.pem");
    check(cloud() + "[limits]\nsessions_max = 0\n", "`limits.sessions_max`");
    check(cloud() + "[limits]\nkv_tokens_max = 4095\n", "`limits.kv_tokens_max`");
    check(cloud() + "[limits]\nretry_after_ms = 0\n", "`limits.retry_after_ms`");
    check(cloud() + "[engine]\nthreads = 0\n", "`engine.threads`");
    check(cloud() + "[engine]\nbatch_rows_max = 0\n", "`engine.batch_rows_max`");
    check(cloud() + "[segments]\nstore_mib = 0\n", "`segments.store_mib`");
    check(cloud() + "[link]\nreconnect_ms = 0\n", "`link.reconnect_ms`");
    check(cloud() + "[link]\nkeep_alive_s = 26\n", "`link.keep_alive_s`: must be from 1 to 25");
    check(identity("cloud") + "[model]\npath = 'a'\nlayers = [3, 1]\n", "3..1");
}

/// Those of real pairs are read too, three folders deep.
#[test]
fn the_files_of_pairs_are_read_with_certificates_of_the_ca() {
    let folder = folder();
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/pairs");
    for pair in std::fs::read_dir(&pairs).unwrap().map(|pair| pair.unwrap().file_name()) {
        let copies = folder.path().join("configs/pairs").join(&pair);
        std::fs::create_dir_all(&copies).unwrap();
        for name in ["cloud", "gateway"] {
            let file = format!("{name}.toml");
            let text = std::fs::read_to_string(pairs.join(&pair).join(&file)).unwrap();
            // Whether a name was pulled here is no matter.
            std::fs::write(copies.join(&file), text.replace("\"hf:", "\"")).unwrap();
            let config = Config::load(&copies.join(&file)).unwrap();
            assert_eq!(config.identity.peer().name.as_str(), name);
            assert_eq!(config.upstream.is_some(), name == "gateway");
        }
    }
}

/// The files that users start from name certificates as `ca issue` does.
#[test]
fn the_demo_files_are_read_with_certificates_of_the_ca() {
    let folder = folder();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    std::fs::create_dir(folder.path().join("configs")).unwrap();
    for name in ["cloud", "gateway"] {
        let file = format!("{name}.toml");
        let path = folder.path().join("configs").join(&file);
        std::fs::copy(configs.join(&file), &path).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.identity.peer().name.as_str(), name);
        let defaults = (Limits::default(), EngineOptions::default(), Link::default());
        let limits =
            Limits { sessions_per_peer_max: defaults.0.sessions_per_peer_max, ..config.limits };
        assert_eq!((limits, config.engine, config.link), defaults, "{file} shows the defaults");
        assert_eq!(config.segments, SegmentOptions::default(), "{file} keeps nothing");
    }
}
