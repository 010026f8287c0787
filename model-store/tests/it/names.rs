//! What the hub lists, and what it must not.

use crate::hub::{Reply, TestHub};
use crate::world::{NAME, World, bytes};
use model_store::PullError;

fn refused_listing(body: Vec<u8>) -> (World, PullError) {
    let world = World::new();
    let hub = TestHub::twisted(&[("x.gguf", bytes(9, 1))], move |asked, reply| {
        if asked.is_file() { reply } else { Reply::of(200, &body) }
    });
    let error = world.pull(NAME, &hub).unwrap_err();
    assert_eq!(hub.asked_for_files().len(), 0);
    assert_eq!(world.named_files(), [""; 0]);
    (world, error)
}

#[test]
fn a_repository_with_a_name_that_leads_elsewhere_is_refused_as_a_whole() {
    for name in ["../../x.gguf", "/tmp/x.gguf", "a\\\\..\\\\x.gguf", "a/./x.gguf"] {
        let sha = crate::hub::COMMIT;
        let json = format!(
            r#"{{"sha": "{sha}", "siblings": [{{"rfilename": "{name}", "size": 9, "blobId": "{sha}"}}]}}"#
        );
        let (_, error) = refused_listing(json.into_bytes());
        assert!(matches!(error, PullError::Listing { .. }), "{error}");
        assert!(error.to_string().contains("no path within a repository"), "{error}");
    }
}

#[test]
fn a_gigantic_listing_is_not_read_to_its_end() {
    let (_, error) = refused_listing(vec![b' '; (16 << 20) + 1]);
    assert!(error.to_string().contains("a listing of more than"), "{error}");
}

#[test]
fn what_is_no_listing_is_refused() {
    for body in ["", "[]", "<html>", "{\"sha\": \"main\", \"siblings\": []}"] {
        let (_, error) = refused_listing(body.as_bytes().to_vec());
        assert!(matches!(error, PullError::Listing { .. }), "{body}: {error}");
    }
}

#[test]
fn a_file_that_no_disk_has_room_for_is_refused_before_it_comes() {
    let sha = crate::hub::COMMIT;
    let json = format!(
        r#"{{"sha": "{sha}", "siblings": [{{"rfilename": "x.gguf", "size": {}, "blobId": "{sha}"}}]}}"#,
        1_u64 << 40
    );
    let (_, error) = refused_listing(json.into_bytes());
    // A test machine with a free TiB does not exist yet.
    assert!(matches!(error, PullError::NoRoom { .. }), "{error}");
}
