//! `edge-node demo --serve`: the three tiers, to be asked over HTTP and looked at in a browser.

use super::nodes;
use super::scenes::{self, TARGET_PACE};
use super::tiers::Tiers;
use crate::config::{Config, ModelPaths, PlanSettings, ServeSettings};
use crate::drafting::SourceChoice;
use crate::serve::serve_until;
use anyhow::Context as _;
use base::{DraftLength, Role};
use link_emulator::LinkProfile;
use partitioner::{LocalChoice, Mode, Speculation};
use protocol::AfterOutage;
use runtime::ModelFile;
use settings::{Link, Pace};
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use transport::Network;

/// The link of the device, which a switch on the page cuts.
const LINK: &str = "5g-static";

/// Replies at a time.
const STREAMS: usize = 16;

/// A device on which a word takes as long as one reads it.
const DEVICE_PACE: Pace = Pace { decode_ms: 40.0, per_row_ms: 0.0 };

/// Serves at `listen` until Ctrl-C. With `watchable` nodes are slowed down, so that drafts and verdicts can be seen.
pub(super) async fn serve(
    models: &ModelPaths,
    listen: SocketAddr,
    watchable: bool,
) -> anyhow::Result<()> {
    let target = models.target.as_ref().expect("the demo pair has a target");
    let layers = ModelFile::open(target)?.config().layers;
    let (device, others) = match watchable {
        true => (DEVICE_PACE, TARGET_PACE),
        false => (Pace::default(), Pace::default()),
    };
    let link = Link { emulate: Some(LINK.to_owned()), ..Link::default() };
    let tiers = Arc::new(Mutex::new(Tiers::start(target, Link::default(), others)?));
    scenes::joined(&tiers).await?;
    let plan = PlanSettings {
        mode: Mode::Split,
        auto: false,
        local: LocalChoice::Draft,
        target: Some(nodes::name(Role::Cloud)),
        draft_length: DraftLength::Auto,
        speculation: Speculation::default(),
        source: SourceChoice::Auto,
        stages: nodes::even_stages(&[Role::Device, Role::Gateway, Role::Cloud], layers),
        after_outage: AfterOutage::Keep,
        switches: Vec::new(),
    };
    let config = scenes::device(&tiers, models, plan, link.clone(), device);
    let serve = ServeSettings {
        listen,
        streams_max: STREAMS,
        link_switch: true,
        ..ServeSettings::default()
    };
    let emulation = LinkProfile::named(LINK).context("the link of the demo")?;
    let network = Network::system().emulating(Some(emulation), 0);
    let stop = async {
        // Without it, only SIGTERM ends the demo.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve_until(Config { serve, network, ..config }, stop, |address| {
        let out = &mut std::io::stdout();
        writeln!(out, "the page   http://{address}/")?;
        writeln!(out, "the API    http://{address}/v1")?;
        out.flush()
    })
    .await
}
