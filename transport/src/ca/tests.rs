//! The CA in a folder. That its certificates and lists are believed is tested with links.

use super::*;
use base::Role;
use std::fs;
use std::path::Path;

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn list(authority: &Authority) -> Vec<u8> {
    fs::read(authority.crl_path()).unwrap()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[test]
#[cfg(unix)]
fn private_keys_are_readable_by_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(&dir.path().join("ca")).unwrap();
    let issued = authority.issue(Role::Cloud, &name("cloud"), &dir.path().join("out")).unwrap();
    assert_eq!(mode(&dir.path().join("ca/ca.key")), 0o600);
    assert_eq!(mode(&issued.key), 0o600);
    assert_eq!(mode(&issued.certificate) & 0o200, 0o200, "and certificates are ordinary files");
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ca");
    let authority = Authority::create(&folder).unwrap();
    let before = fs::read(authority.certificate_path()).unwrap();
    assert!(matches!(Authority::create(&folder), Err(CaError::Exists { .. })));
    assert_eq!(fs::read(authority.certificate_path()).unwrap(), before);

    let issued = authority.issue(Role::Device, &name("car"), dir.path()).unwrap();
    let before = fs::read(&issued.key).unwrap();
    let again = authority.issue(Role::Device, &name("car"), dir.path());
    assert!(matches!(again, Err(CaError::Exists { .. })));
    assert_eq!(fs::read(&issued.key).unwrap(), before);

    let other = Authority::create(&dir.path().join("other")).unwrap();
    let mixed = other.issue(Role::Device, &name("bus"), dir.path());
    assert!(matches!(mixed, Err(CaError::Exists { path }) if path.ends_with("ca.pem")));
}

#[test]
fn nodes_of_one_ca_may_share_a_folder_even_the_cas_own() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(dir.path()).unwrap();
    for (role, node) in [(Role::Device, "car"), (Role::Gateway, "site"), (Role::Cloud, "cloud")] {
        authority.issue(role, &name(node), dir.path()).unwrap();
    }
    let clash = authority.issue(Role::Cloud, &name("ca"), dir.path());
    assert!(matches!(clash, Err(CaError::Exists { .. })), "a node named ca would take ca.key");
}

#[test]
fn an_opened_ca_signs_as_the_one_that_was_created() {
    let dir = tempfile::tempdir().unwrap();
    Authority::create(dir.path()).unwrap();
    let authority = Authority::open(dir.path()).unwrap();
    authority.issue(Role::Cloud, &name("cloud"), &dir.path().join("out")).unwrap();
    assert_eq!(authority.revoke(&name("cloud")).unwrap(), 1);
}

#[test]
fn every_certificate_of_a_name_is_revoked_once() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(&dir.path().join("ca")).unwrap();
    let issue = |node: &str, out: &str| {
        authority.issue(Role::Device, &name(node), &dir.path().join(out)).unwrap()
    };
    issue("car", "a");
    issue("car", "b");
    issue("car-2", "a");
    let empty = list(&authority);
    assert_eq!(authority.revoke(&name("car")).unwrap(), 2);
    let two = list(&authority);
    assert!(two.len() > empty.len());
    assert_eq!(authority.revoke(&name("car")).unwrap(), 0, "they were on the list");
    assert_eq!(authority.revoke(&name("car-2")).unwrap(), 1, "and the others stay on it");
    assert!(list(&authority).len() > two.len());
    assert!(matches!(authority.revoke(&name("bus")), Err(CaError::Unknown { .. })));
}

#[test]
fn a_folder_without_a_whole_ca_is_refused_by_file() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Authority::open(dir.path()).unwrap_err();
    assert!(missing.to_string().contains("ca.pem"), "{missing}");

    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    Authority::create(&one).unwrap();
    Authority::create(&two).unwrap();
    fs::copy(two.join("ca.key"), one.join("ca.key")).unwrap();
    let swapped = Authority::open(&one).unwrap_err();
    assert!(swapped.to_string().contains("ca.pem was made for a different key"), "{swapped}");

    fs::write(two.join("crl.pem"), "gone").unwrap();
    let authority = Authority::open(&two).unwrap();
    authority.issue(Role::Cloud, &name("cloud"), dir.path()).unwrap();
    let list = authority.revoke(&name("cloud")).unwrap_err();
    assert!(list.to_string().contains("crl.pem"), "{list}");
}
