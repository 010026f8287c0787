//! The cache folder: what is kept, what goes, and what broken files do.

use super::*;
use std::fs;
use std::time::{Duration, SystemTime};

/// Of all bodies here, and of their files.
const BODY: usize = 100;
const FILE: u64 = 180;

fn key(number: u8) -> SegmentKey {
    SegmentKey([number; 32])
}

fn body(number: u8) -> Vec<u8> {
    vec![number; BODY]
}

fn store(folder: &Path, files: u64) -> SegmentStore {
    SegmentStore::open(folder, ByteCount(files * FILE)).unwrap()
}

fn bytes_in(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// The numbers up to `end` whose segments are there.
fn held(store: &SegmentStore, end: u8) -> Vec<u8> {
    let keys: Vec<_> = (0..end).map(key).collect();
    (0..end).zip(store.holds(&keys)).filter(|(_, held)| *held).map(|(number, _)| number).collect()
}

#[test]
fn what_was_put_in_is_given_out_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder");
    let first = store(&path, 10);
    assert_eq!(first.get(key(1)), None);
    first.put(key(1), &body(1));
    first.put(key(2), &[]);
    assert_eq!(first.get(key(1)), Some(body(1)));
    let second = store(&path, 10);
    assert_eq!((second.get(key(1)), second.get(key(2))), (Some(body(1)), Some(vec![])));
    assert_eq!(held(&second, 4), [1, 2]);
    assert_eq!(first.counts(), StoreCounts { found: 1, missed: 1, ..StoreCounts::default() });
    assert_eq!(second.counts(), StoreCounts { found: 2, ..StoreCounts::default() });
}

/// Goal: the bound holds after each step, and who is unused for longest goes. Method: a store for eight
/// files, of which one is used again and again, and a restart with less room in the middle.
#[test]
fn files_go_by_their_last_use_and_never_exceed_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let kept = store(folder.path(), 8);
    for number in 0..30 {
        kept.put(key(number), &body(number));
        assert!(bytes_in(folder.path()) <= 8 * FILE, "{number}");
        assert_eq!(kept.get(key(0)), Some(body(0)), "{number}");
        assert_eq!(kept.get(key(number)), Some(body(number)), "{number}");
    }
    assert_eq!(held(&kept, 30), [0, 23, 24, 25, 26, 27, 28, 29]);
    assert_eq!(kept.counts().evicted, 22);
    // Putting in again what is there is a use, and writes nothing.
    kept.put(key(23), &body(23));
    let smaller = store(folder.path(), 3);
    assert_eq!(held(&smaller, 30), [0, 23, 29]);
    assert_eq!(smaller.counts().evicted, 5);
}

#[test]
fn two_processes_in_one_folder_share_what_they_have_and_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [(); 2].map(|()| store(folder.path(), 16));
    for number in 0..60 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        writer.put(key(number), &body(number));
        assert_eq!(reader.get(key(number)), Some(body(number)));
        // Each may have written an eighth since the other looked.
        assert!(bytes_in(folder.path()) <= (16 + 2) * FILE, "{number}");
    }
}

/// Goal: whatever a file holds, nobody gets what was not put in, and the file is gone. Method: each byte
/// of a file changed, each length but the right one, and another segment's file under the name.
#[test]
fn broken_files_are_removed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let kept = store(folder.path(), 100);
    kept.put(key(1), &body(1));
    kept.put(key(2), &body(2));
    let path = folder.path().join(format!("{}.segment", key(1)));
    let good = fs::read(&path).unwrap();
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|len| good[..len].to_vec()).collect();
    bad.push([&good[..], &[0]].concat());
    bad.push(fs::read(folder.path().join(format!("{}.segment", key(2)))).unwrap());
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        bad.push(changed);
    }
    let count = bad.len();
    for bytes in bad {
        fs::write(&path, bytes).unwrap();
        assert_eq!(kept.get(key(1)), None);
        assert!(!path.exists());
    }
    assert_eq!(kept.counts(), StoreCounts { broken: count as u64, ..StoreCounts::default() });
    kept.put(key(1), &body(1));
    assert_eq!(kept.get(key(1)), Some(body(1)));
}

#[test]
fn files_of_other_names_are_left_alone_and_old_parts_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, hours: u64| {
        let path = folder.path().join(name);
        fs::write(&path, [1; 1000]).unwrap();
        let time = SystemTime::now() - Duration::from_secs(hours * 3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let hex = key(0xab);
    let others =
        ["notes.txt", "x.segment", "x.part", &format!("{hex}.jpg"), &format!("{hex}x.part")];
    let others = others.map(|name| write(name, 5));
    let upper = write(&format!("{}.segment", hex.to_string().to_uppercase()), 5);
    let young = write(&format!("{hex}.77-1.part"), 0);
    let old = write(&format!("{hex}.77-2.part"), 2);
    let kept = store(folder.path(), 2);
    (0..9).for_each(|number| kept.put(key(number), &body(number)));
    assert!(others.iter().chain([&upper, &young]).all(|path| path.exists()));
    assert!(!old.exists());
    assert_eq!(held(&kept, 9), [7, 8]);
}

/// Nothing of this is an error to whoever asks: it is counted.
#[test]
fn what_cannot_be_kept_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let kept = store(folder.path(), 2);
    kept.put(key(1), &[0; 1000]);
    kept.put(key(2), &vec![0; SEGMENT_BYTES_MAX + 1]);
    assert_eq!((kept.counts().failed, held(&kept, 3)), (2, vec![]));
    // A folder of a segment's name can be neither read nor replaced.
    fs::create_dir(folder.path().join(format!("{}.segment", key(3)))).unwrap();
    assert_eq!(kept.get(key(3)), None);
    assert_eq!(kept.counts().failed, 3);
    fs::remove_dir_all(folder.path()).unwrap();
    kept.put(key(4), &body(4));
    assert_eq!((kept.get(key(4)), kept.counts().failed, kept.counts().missed), (None, 4, 1));
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = SegmentStore::open(file.path(), ByteCount(1000)).unwrap_err();
    assert!(refused.to_string().contains(&file.path().display().to_string()));
}

#[test]
fn threads_that_put_and_get_at_once_get_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    let kept = store(folder.path(), 6);
    std::thread::scope(|scope| {
        for first in 0..4_u8 {
            let kept = &kept;
            scope.spawn(move || {
                for step in 0..100_u8 {
                    let number = first.wrapping_mul(31).wrapping_add(step) % 12;
                    kept.put(key(number), &body(number));
                    let found = kept.get(key(number));
                    assert!(found.is_none_or(|found| found == body(number)));
                }
            });
        }
    });
    assert!(bytes_in(folder.path()) <= 6 * FILE);
    assert_eq!((kept.counts().failed, kept.counts().broken), (0, 0));
}

#[test]
fn a_store_that_is_cleared_holds_nothing_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 10);
    (1..5).for_each(|number| store.put(key(number), &body(number)));
    fs::write(folder.path().join("notes.txt"), "of somebody else").unwrap();
    store.clear().unwrap();
    assert!(held(&store, 6).is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the other's file stays");
    store.put(key(1), &body(1));
    assert_eq!(store.get(key(1)), Some(body(1)));
}
