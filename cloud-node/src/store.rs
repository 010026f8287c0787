//! KV segments on disk: blocks that sessions complete are written behind them, and a session that begins
//! a text which was computed before, by this process or an earlier one, has its blocks read.
//!
//! ```text
//!   engine ──completed block──▶ bounded queue ──▶ task ──▶ SegmentStore (a folder)
//!   session's rows ──▶ which blocks lacks the pool? ──▶ read those ──▶ pool ──▶ engine
//! ```
//!
//! # Invariants
//!
//! - **No pass waits for the disk to write.** What the queue has no room for is not kept.
//! - **What is read costs a pass [`READING_MAX`] at most**; the rest is computed.
//! - **What fails here fails no session**: it is computed.

use crate::config::{RunsOn, SegmentOptions};
use crate::engine::{Engine, Hold};
use base::{ByteCount, LayerRange, TokenId};
use runtime::{
    Arrival, BLOCK_SLOTS, KvOptions, Segment, SegmentFormat, SegmentKey, SegmentStore, Segments,
    StoreCounts, StoreError, TextKey,
};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use transport::clock;

/// Blocks that wait to be written: of a pass of 1,024 rows. They are copies, of up to some MiB each.
const WAITING_MAX: usize = 32;

/// How long a pass waits for blocks to be read at most. Reading a block takes a few milliseconds where the
/// disk is a good one, which is less than computing it; where it is not, the rest is computed.
const READING_MAX: Duration = Duration::from_millis(250);

/// The file in the store's folder that holds the node's secret.
const SECRET: &str = "node-secret";

/// A completed block on its way to the disk.
#[derive(Debug)]
pub(crate) struct Completed {
    /// What it is called there.
    pub(crate) key: SegmentKey,
    /// Its bytes, exact.
    pub(crate) bytes: Vec<u8>,
}

/// Where the engine puts completed blocks.
pub(crate) type Outlet = mpsc::Sender<Completed>;

/// A store, and the two ends of the queue of its task.
pub(crate) struct Opened {
    pub(crate) store: Arc<Store>,
    pub(crate) outlet: Outlet,
    pub(crate) queue: mpsc::Receiver<Completed>,
}

/// The store of one node.
#[derive(Debug)]
pub(crate) struct Store {
    files: Arc<SegmentStore>,
    folder: PathBuf,
    runs_on: RunsOn,
    /// All loaded layers: blocks of the whole stage serve sessions of a part of it.
    loaded: LayerRange,
}

/// The blocks of a session's text that its next rows would fill.
pub(crate) struct Asked {
    /// How its KV is kept.
    pub(crate) kv: KvOptions,
    /// In which layers.
    pub(crate) layers: LayerRange,
    /// The text, with the rows.
    pub(crate) text: Vec<TokenId>,
    /// The text without the rows.
    pub(crate) base: usize,
}

impl Store {
    /// The store that `options` name, and the queue of its task; `None` where they name none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(crate) fn open(
        options: &SegmentOptions,
        runs_on: RunsOn,
        loaded: LayerRange,
    ) -> Result<Option<Opened>, StoreError> {
        let Some(folder) = &options.store else { return Ok(None) };
        let bound = ByteCount(u64::from(options.store_mib) << 20);
        let files = Arc::new(SegmentStore::open(folder, bound)?);
        let (outlet, queue) = mpsc::channel(WAITING_MAX);
        let folder = folder.clone();
        let store = Arc::new(Self { files, folder, runs_on, loaded });
        Ok(Some(Opened { store, outlet, queue }))
    }

    /// What became of requests and files.
    pub(crate) fn counts(&self) -> StoreCounts {
        self.files.counts()
    }

    /// The node's secret, which outlives the process with what is named by it: `fresh` where there is none
    /// yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where it can neither be read nor written.
    pub(crate) fn secret(&self, fresh: impl FnOnce() -> [u8; 32]) -> Result<[u8; 32], StoreError> {
        let path = self.folder.join(SECRET);
        let error = |source| StoreError { folder: self.folder.clone(), source };
        match std::fs::read(&path).map(<[u8; 32]>::try_from) {
            Ok(Ok(secret)) => Ok(secret),
            Ok(Err(_)) => self.new_secret(&path, fresh()).map_err(error),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                self.new_secret(&path, fresh()).map_err(error)
            }
            Err(source) => Err(error(source)),
        }
    }

    fn new_secret(&self, path: &Path, secret: [u8; 32]) -> io::Result<[u8; 32]> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Whoever knows it can name, and so ask for, what nobody else may.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)?.write_all(&secret)?;
        Ok(secret)
    }

    /// Writes what comes, until `stop`, and then what waits.
    pub(crate) async fn write_behind(
        self: Arc<Self>,
        mut queue: mpsc::Receiver<Completed>,
        stop: CancellationToken,
    ) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = queue.recv() => match next {
                    Some(next) => self.write(next).await,
                    None => return,
                },
            }
        }
        while let Ok(next) = queue.try_recv() {
            self.write(next).await;
        }
    }

    /// Brings what is on disk of the blocks that `asked` is about into the pool of `engine`, up to the
    /// first that is missing here too.
    pub(crate) async fn bring(&self, engine: &Engine, asked: Asked) {
        if asked.text.len() - asked.base < BLOCK_SLOTS {
            return;
        }
        let Some(all) = engine.segments(&asked.kv, &asked.text) else { return };
        let until = clock::now() + READING_MAX;
        for segment in self.lacking(engine, &asked, &all).await {
            let brought = clock::now() < until && self.bring_one(engine, segment, &all).await;
            if !brought {
                return;
            }
        }
    }

    /// Those of the blocks that the pool has not got.
    async fn lacking(
        &self,
        engine: &Engine,
        asked: &Asked,
        all: &Segments,
    ) -> Vec<(usize, Segment)> {
        let blocks = asked.base / BLOCK_SLOTS..all.blocks();
        let exact = |block| all.at(block, asked.layers, SegmentFormat::Exact).ok();
        let mut wanted: Vec<_> = blocks.filter_map(|block| Some((block, exact(block)?))).collect();
        let lacking = engine.between_passes(None, move |hold| {
            wanted.retain(|(_, segment)| !hold.has(segment));
            wanted
        });
        lacking.await.unwrap_or_default()
    }

    /// Whether the block is in the pool now.
    async fn bring_one(
        &self,
        engine: &Engine,
        (block, segment): (usize, Segment),
        all: &Segments,
    ) -> bool {
        let whole = all.at(block, self.loaded, SegmentFormat::Exact).ok();
        for segment in
            [Some(segment), whole.filter(|whole| *whole != segment)].into_iter().flatten()
        {
            let Some(bytes) = self.read(segment.key()).await else { continue };
            let import = move |hold: &mut Hold<'_>| hold.import(&segment, &bytes);
            match engine.between_passes(None, import).await {
                Ok(Ok(Arrival::Taken | Arrival::Known)) => return true,
                Ok(Err(error)) => tracing::debug!(%error, "a segment of the store is not taken"),
                Err(_) => {}
            }
        }
        false
    }

    async fn read(&self, key: SegmentKey) -> Option<Vec<u8>> {
        let files = Arc::clone(&self.files);
        self.runs_on.aside(move || files.get(key)).await.flatten()
    }

    /// The exact bytes of the block that ends `text`, in just these layers or those of the whole stage, and
    /// in which.
    pub(crate) async fn named(
        &self,
        text: TextKey,
        layers: LayerRange,
    ) -> Option<(Vec<u8>, LayerRange)> {
        if layers.is_empty() || !self.loaded.contains(layers) {
            return None;
        }
        for held in [layers, self.loaded] {
            let exact = self.read(SegmentKey::of(text, held, SegmentFormat::Exact)).await;
            if let Some(exact) = exact {
                return Some((exact, held));
            }
        }
        None
    }

    async fn write(&self, Completed { key, bytes }: Completed) {
        let files = Arc::clone(&self.files);
        // It logs what it fails at.
        self.runs_on.aside(move || files.put(key, &bytes)).await;
    }
}
