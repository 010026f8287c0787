//! A disk in memory that writes down all that is done to it, and of which any moment can be had again
//! as a loss of power would leave it.
//!
//! What was written and not flushed may be there or not, each sector of 512 bytes by itself; a file's
//! new length, and a file's name, likewise. What was flushed is there.

use crate::medium::Medium;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore as _;
use redb::{Builder, Database, DatabaseError, StorageBackend, StorageError};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// A file's number.
type Inode = usize;

/// Which file is which.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Names {
    journal: Option<Inode>,
    successor: Option<Inode>,
}

/// Something that was done to a disk.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Write {
        file: Inode,
        offset: usize,
        bytes: Vec<u8>,
    },
    SetLen {
        file: Inode,
        len: usize,
    },
    Sync {
        file: Inode,
    },
    Name(Names),
    SyncFolder,
    /// A call returned.
    Returned,
}

/// A disk, in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Vec<u8>>,
    names: Names,
    log: Vec<Event>,
}

impl Disk {
    /// A disk with this journal.
    pub(super) fn with_journal(bytes: Vec<u8>) -> Self {
        let names = Names { journal: Some(0), successor: None };
        Self(Arc::new(Mutex::new(State { files: vec![bytes], names, log: Vec::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// All that was done to it since this was asked for last.
    pub(super) fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().log)
    }

    /// Notes that a call returned.
    pub(super) fn returned(&self) {
        self.state().log.push(Event::Returned);
    }

    /// The bytes of the journal's file.
    pub(super) fn journal(&self) -> Vec<u8> {
        let state = self.state();
        state.names.journal.map(|file| state.files[file].clone()).unwrap_or_default()
    }

    /// The same bytes, as another process finds them that comes after this one.
    pub(super) fn copy(&self) -> Self {
        let state = self.state();
        let (files, names) = (state.files.clone(), state.names);
        Self(Arc::new(Mutex::new(State { files, names, log: Vec::new() })))
    }

    fn done(&self, event: Event) {
        let mut state = self.state();
        if let Event::Write { file, .. } | Event::SetLen { file, .. } = &event {
            apply(&mut state.files[*file], &event);
        }
        if let Event::Name(names) = &event {
            state.names = *names;
        }
        state.log.push(event);
    }
}

/// Does to a file what was done to it.
fn apply(file: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write { offset, bytes, .. } => {
            if file.len() < offset + bytes.len() {
                file.resize(offset + bytes.len(), 0);
            }
            file[*offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        Event::SetLen { len, .. } => file.resize(*len, 0),
        Event::Sync { .. } | Event::Name(_) | Event::SyncFolder | Event::Returned => {}
    }
}

/// What becomes of that which was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// All of it is there: the process was killed, and the system lives on.
    Kept,
    /// None of it is.
    Lost,
    /// All of it, but of the last write so many thousandths of its bytes.
    Torn(usize),
    /// Some sectors, some lengths, some names, by this seed.
    Scattered(u64),
}

/// A disk whose events are done one by one, and which can lose its power after any of them.
#[derive(Debug, Default)]
pub(super) struct Replay {
    durable: BTreeMap<Inode, Vec<u8>>,
    pending: BTreeMap<Inode, Vec<Event>>,
    names: Vec<Names>,
    /// How many of `names` are flushed: all before it are history.
    named: usize,
}

impl Replay {
    /// A disk that begins as this one is.
    pub(super) fn of(disk: &Disk) -> Self {
        let state = disk.state();
        let durable = state.files.iter().cloned().enumerate().collect();
        Self { durable, pending: BTreeMap::new(), names: vec![state.names], named: 1 }
    }

    pub(super) fn step(&mut self, event: &Event) {
        match event {
            Event::Write { file, .. } | Event::SetLen { file, .. } => {
                self.pending.entry(*file).or_default().push(event.clone());
            }
            Event::Sync { file } => {
                let durable = self.durable.entry(*file).or_default();
                for event in self.pending.remove(file).unwrap_or_default() {
                    apply(durable, &event);
                }
            }
            Event::Name(names) => self.names.push(*names),
            Event::SyncFolder => self.named = self.names.len(),
            Event::Returned => {}
        }
    }

    /// What a loss of power leaves now.
    pub(super) fn lose_power(&self, fate: Fate) -> Disk {
        let seed = if let Fate::Scattered(seed) = fate { seed } else { 0 };
        let mut dice: ChaCha8Rng = rand_chacha::rand_core::SeedableRng::seed_from_u64(seed);
        let count = self.durable.keys().chain(self.pending.keys()).max().map_or(0, |last| last + 1);
        let mut files = vec![Vec::new(); count];
        for (inode, file) in files.iter_mut().enumerate() {
            if let Some(durable) = self.durable.get(&inode) {
                file.clone_from(durable);
            }
            let pending = self.pending.get(&inode).map_or(&[][..], Vec::as_slice);
            survive(file, pending, fate, &mut dice);
        }
        let history = match fate {
            Fate::Kept | Fate::Torn(_) => self.names.len(),
            Fate::Lost => self.named,
            Fate::Scattered(_) => {
                self.named + dice.next_u32() as usize % (self.names.len() - self.named + 1)
            }
        };
        let names = history.checked_sub(1).map_or_else(Names::default, |last| self.names[last]);
        let state = State { files, names, log: Vec::new() };
        Disk(Arc::new(Mutex::new(state)))
    }
}

/// Does to a file what survives of `pending`.
fn survive(file: &mut Vec<u8>, pending: &[Event], fate: Fate, dice: &mut ChaCha8Rng) {
    for (index, event) in pending.iter().enumerate() {
        match (fate, event) {
            (Fate::Lost, _) => {}
            (Fate::Torn(thousandths), Event::Write { file: inode, offset, bytes })
                if index + 1 == pending.len() =>
            {
                let bytes = bytes[..bytes.len() * thousandths / 1_000].to_vec();
                apply(file, &Event::Write { file: *inode, offset: *offset, bytes });
            }
            (Fate::Scattered(_), Event::Write { file: inode, offset, bytes }) => {
                // The disk's sectors, not the write's: it may begin in the middle of one.
                let mut at = 0;
                while at < bytes.len() {
                    let end = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
                    if dice.next_u32().is_multiple_of(2) {
                        let bytes = bytes[at..end].to_vec();
                        apply(file, &Event::Write { file: *inode, offset: offset + at, bytes });
                    }
                    at = end;
                }
            }
            (Fate::Scattered(_), _) if dice.next_u32().is_multiple_of(2) => {}
            (Fate::Kept | Fate::Torn(_) | Fate::Scattered(_), _) => apply(file, event),
        }
    }
}

/// One file of a disk, open.
#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    file: Inode,
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a file in memory")
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let from = state.files[self.file].get(place(offset)..).unwrap_or_default();
        let bytes = from.get(..out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.done(Event::SetLen { file: self.file, len: place(len) });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.done(Event::Sync { file: self.file });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (offset, bytes) = (place(offset), data.to_vec());
        self.disk.done(Event::Write { file: self.file, offset, bytes });
        Ok(())
    }
}

impl Medium for Disk {
    fn open(&self, builder: &Builder) -> Result<Option<Database>, DatabaseError> {
        let names = self.state().names;
        self.done(Event::Name(Names { successor: None, ..names }));
        let Some(file) = names.journal else { return Ok(None) };
        // redb would make a new database of an empty file, as it never does of a path that it opens.
        if self.state().files[file].is_empty() {
            return Err(StorageError::Corrupted("empty".to_owned()).into());
        }
        builder.create_with_backend(OpenFile { disk: self.clone(), file }).map(Some)
    }

    fn successor(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let file = self.state().files.len();
        self.state().files.push(Vec::new());
        let names = self.state().names;
        self.done(Event::Name(Names { successor: Some(file), ..names }));
        builder.create_with_backend(OpenFile { disk: self.clone(), file })
    }

    fn replace(&self) -> io::Result<()> {
        let Names { journal: old, successor } = self.state().names;
        self.done(Event::Name(Names { journal: successor, successor: None }));
        self.done(Event::SyncFolder);
        if let Some(file) = old {
            let bytes = vec![0; self.state().files[file].len()];
            self.done(Event::Write { file, offset: 0, bytes });
            self.done(Event::Sync { file });
        }
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        let state = self.state();
        Ok(state.names.journal.map_or(0, |file| state.files[file].len() as u64))
    }

    fn path(&self) -> &Path {
        Path::new("in memory")
    }
}
