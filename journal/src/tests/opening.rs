//! Files that are no journals, journals that were damaged, journals that somebody has.

use super::disk::Disk;
use super::{Home, NOON, dump, limits, say, slow};
use crate::medium::FileMedium;
use crate::{Journal, OpenError};
use std::fs;

fn error(home: &Home) -> OpenError {
    Journal::open(&home.path(), limits(), NOON).unwrap_err()
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let home = Home::new();
    let magic = b"redb\x1a\x0a\xa9\x0d\x0a";
    let files: [&[u8]; 5] =
        [b"", b"x", b"the quick brown fox", &[0; 100_000], &[&magic[..], &[0; 5_000]].concat()];
    for bytes in files {
        fs::write(home.path(), bytes).unwrap();
        let error = error(&home);
        assert!(
            matches!(error, OpenError::NotAJournal { .. } | OpenError::Corrupt { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(home.path().to_str().unwrap()), "{error}");
        assert_eq!(fs::read(home.path()).unwrap(), bytes);
    }
}

#[test]
fn a_database_of_somebody_else_is_no_journal() {
    use redb::{Database, TableDefinition};
    let home = Home::new();
    let database = Database::create(home.path()).unwrap();
    let tx = database.begin_write().unwrap();
    tx.open_table(TableDefinition::<u64, u64>::new("figures")).unwrap();
    tx.commit().unwrap();
    drop(database);
    assert!(matches!(error(&home), OpenError::NotAJournal { .. }));
}

#[test]
fn a_journal_of_another_version_is_refused_with_both_versions() {
    use redb::{Database, TableDefinition};
    let home = Home::new();
    drop(home.open());
    let database = Database::open(home.path()).unwrap();
    let tx = database.begin_write().unwrap();
    let figures = TableDefinition::<&str, u64>::new("figures");
    tx.open_table(figures).unwrap().insert("schema", 2).unwrap();
    tx.commit().unwrap();
    drop(database);
    let error = error(&home);
    assert!(matches!(error, OpenError::OtherVersion { found: 2, known: 1, .. }), "{error:?}");
}

#[test]
fn a_journal_that_is_in_use_is_refused_until_it_is_not() {
    let home = Home::new();
    let journal = home.open();
    assert!(matches!(error(&home), OpenError::InUse { .. }));
    drop(journal);
    home.open();
    // Also while it is nothing but a name: two processes that begin it would take each other's file.
    let other = Home::new();
    let _lock = FileMedium::lock(&other.path()).unwrap();
    assert!(matches!(error(&other), OpenError::InUse { .. }));
}

#[test]
fn a_journal_is_nobody_else_s_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let mut journal = home.open();
    say(&mut journal, 1, 1, "hello");
    journal.forget(super::id(1)).unwrap();
    let mode = fs::metadata(home.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let home = Home::new();
    let path = home.folder().join("nowhere").join("journal");
    let error = Journal::open(&path, limits(), NOON).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }) && error.to_string().contains("nowhere"));
}

/// Goal: a damaged file is an error or does no harm, and never a panic or another truth; but where a
/// certain byte is damaged, the last call may be missing. Method: each
/// byte of a journal (in time; a sample otherwise) is changed, and its end is cut off at each page.
#[test]
fn damage_is_an_error_or_harmless() {
    let disk = Disk::default();
    let open = |disk: &Disk| Journal::open_on(Box::new(disk.clone()), limits(), NOON);
    let (mut journal, _) = open(&disk).unwrap();
    let mut rows = [String::new(), String::new()];
    for at in 0..40 {
        say(&mut journal, u128::from(at % 5), at, &"words ".repeat(30));
        rows = [std::mem::take(&mut rows[1]), dump(&journal)];
    }
    // As a process leaves it that dies: the state before the last call is in the file too.
    let bytes = disk.journal();
    let stride = if slow() { 1 } else { 97 };
    let (mut found, mut cases) = (0, 0);
    let mut check = |damaged: Vec<u8>, truths: &[String], case: &str| {
        cases += 1;
        let disk = Disk::with_journal(damaged.clone());
        match open(&disk) {
            Err(OpenError::Corrupt { .. } | OpenError::NotAJournal { .. }) => {
                found += 1;
                assert!(disk.journal() == damaged, "{case}: the file was changed");
            }
            Err(other) => panic!("{case}: {other:?}"),
            Ok((journal, _)) => assert!(truths.contains(&dump(&journal)), "{case}: another truth"),
        }
    };
    // One byte says which of the last two commits is the newer one, and has no checksum.
    let truths = |place| if place == 9 { &rows[..] } else { &rows[1..] };
    // The header's first two sectors in full.
    for place in (0..1_024).chain((1_024..bytes.len()).step_by(stride)) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x41;
        check(damaged, truths(place), &format!("byte {place}"));
    }
    for len in (1..bytes.len()).step_by(4_096) {
        check(bytes[..len].to_vec(), &rows[1..], &format!("cut to {len}"));
    }
    println!("{cases} damaged files of {} bytes, {found} refused", bytes.len());
    assert!(found > cases / 10, "only {found} of {cases} were noticed");
}
