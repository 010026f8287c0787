//! Parts that end at a bad moment, and what a later one makes of them.

use super::*;

fn is_readonly(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().readonly()
}

#[test]
fn a_file_is_read_only_once_it_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("x.part"), folder.path().join("x"));
    let mut part = Part::open(path.clone(), 3).unwrap();
    part.begin(Some("\"e\"")).unwrap();
    part.append(b"abc").unwrap();
    part.finish(&to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"abc");
    assert!(is_readonly(&to) && !path.exists() && !mark_path(&path).exists());
}

/// Goal: whatever ends a pull, a later one takes up what has come.
/// Method: the name cannot be given, as it is a folder's.
#[test]
fn a_part_that_did_not_get_its_name_can_be_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let (path, taken) = (folder.path().join("x.part"), folder.path().join("taken"));
    fs::create_dir_all(taken.join("by another")).unwrap();
    let mut part = Part::open(path.clone(), 3).unwrap();
    part.append(b"abc").unwrap();
    part.finish(&taken).unwrap_err();
    assert!(!is_readonly(&path));
    assert_eq!(Part::open(path, 3).unwrap().bytes(), 3);
}

#[test]
fn a_part_that_is_read_only_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.part");
    let mut part = Part::open(path.clone(), 3).unwrap();
    part.begin(Some("\"e\"")).unwrap();
    part.append(b"ab").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let part = Part::open(path.clone(), 3).unwrap();
    assert_eq!((part.bytes(), part.mark()), (0, None));
    assert!(!is_readonly(&path));
}
