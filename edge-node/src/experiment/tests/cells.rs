//! Which cells there are, and what their ids and seeds depend on.

use super::{load, with};
use crate::experiment::{Cell, CellMode, Seeds, Share};
use std::collections::{BTreeMap, BTreeSet};

fn cells(lines: &[&str]) -> Vec<Cell> {
    load(&with(lines)).unwrap().cells()
}

fn count(lines: &[&str]) -> usize {
    cells(lines).len()
}

const MODES: &str = "modes = ['local', 'remote', 'sync', 'streaming', 'work-conserving', 'split']";

#[test]
fn cells_are_all_combinations_that_make_sense() {
    let drafts = "drafts = [2, 4, 'auto']";
    let sources = "sources = ['model', { accept = 0.5 }]";
    let links = "links = ['wifi', 'umts', { rtt_ms = 9 }]";
    assert_eq!(count(&[]), 1);
    assert_eq!(count(&[drafts, sources]), 6);
    assert_eq!(count(&[drafts, sources, "temperatures = [0, 1]", "prompts = [1, 2]"]), 24);
    assert_eq!(count(&[drafts, sources, links, "modes = ['remote', 'sync']"]), 3 + 3 * 6);
    // Once local; and for each link once remote, and each combination of the four that draft.
    assert_eq!(count(&[drafts, sources, links, MODES]), 1 + 3 * (1 + 4 * 6));
}

#[test]
fn modes_that_draft_nothing_have_no_drafts_and_local_has_no_link() {
    for cell in cells(&[MODES]) {
        assert_eq!(cell.link.is_none(), cell.mode == CellMode::Local, "{:?}", cell.mode);
        assert_eq!(cell.draft.is_some(), cell.mode.drafts(), "{:?}", cell.mode);
        assert_eq!(cell.source.is_some(), cell.mode.drafts(), "{:?}", cell.mode);
    }
    assert_eq!(count(&["modes = ['local']", "links = []"]), 1);
}

#[test]
fn without_drafts_only_a_split_is_run_and_once_for_all_sources() {
    let of = |mode: CellMode| {
        let cells = cells(&[MODES, "drafts = [0, 4]", "sources = ['model', 'lookup', 'both']"]);
        cells.into_iter().filter(move |cell| cell.mode == mode).count()
    };
    assert_eq!(
        (of(CellMode::Split(Share::Even)), of(CellMode::Sync), of(CellMode::Remote)),
        (1 + 3, 3, 1)
    );
}

#[test]
fn splits_of_other_shares_are_other_cells_with_the_same_weather() {
    let all = cells(&["modes = ['split', { split = [1, 2] }, { split = [1, 3] }]"]);
    let names: Vec<_> = all.iter().map(|cell| cell.mode.to_string()).collect();
    assert_eq!(names, ["split", "split 1/2", "split 1/3"]);
    let ids: BTreeSet<_> = all.iter().map(|cell| &cell.id).collect();
    let weather: BTreeSet<_> = all.iter().map(|cell| cell.seeds(1, 0).weather).collect();
    assert_eq!((ids.len(), weather.len()), (3, 1));
}

#[test]
fn another_value_on_an_axis_or_another_order_changes_no_other_cell() {
    let seeds_by_id = |lines: &[&str]| -> BTreeMap<String, Seeds> {
        cells(lines).into_iter().map(|cell| (cell.id.clone(), cell.seeds(3, 1))).collect()
    };
    let before = [MODES, "links = ['wifi', 'umts']", "drafts = [4]", "prompts = ['a', 'b']"];
    let few = seeds_by_id(&before);
    let after = [
        "modes = ['sync', 'remote', 'local', 'streaming', 'work-conserving', 'split']",
        "links = [{ rtt_ms = 1 }, 'umts', 'wifi']",
        "drafts = ['auto', 4]",
        "sources = ['both', 'model']",
        "temperatures = [0.5, 0.0]",
        "prompts = ['c', 'b', 'a']",
        "paces = [{ draft = { decode_ms = 1 }, target = { decode_ms = 1 } }, \
                  { draft = { decode_ms = 8 }, target = { decode_ms = 40 }, label = 'renamed' }]",
        "repetitions = 2",
    ];
    let many = seeds_by_id(&after);
    assert!(many.len() > 5 * few.len());
    for (id, seeds) in few {
        assert_eq!(many.get(&id), Some(&seeds));
    }
}

#[test]
fn every_cell_has_an_id_of_its_own() {
    let all = cells(&[
        MODES,
        "links = ['wifi', 'umts']",
        "drafts = [1, 4, 'auto']",
        "sources = ['model', 'both', { accept = 0.5 }]",
        "temperatures = [0, 1]",
        "prompts = ['1', '11', 'x']",
    ]);
    let ids: BTreeSet<_> = all.iter().map(|cell| &cell.id).collect();
    assert_eq!(ids.len(), all.len());
    assert!(ids.iter().all(|id| id.len() == 12));
}

#[test]
fn runs_that_are_compared_have_the_same_weather_and_the_same_text() {
    let [sync, remote] = &cells(&["modes = ['sync', 'remote']"])[..] else { panic!() };
    let (a, b) = (sync.seeds(3, 0), remote.seeds(3, 0));
    assert_eq!((a.weather, a.text), (b.weather, b.text));
    assert_ne!(a.own, b.own);
    let [wifi, umts] = &cells(&["links = ['wifi', 'umts']"])[..] else { panic!() };
    let (a, b) = (wifi.seeds(3, 0), umts.seeds(3, 0));
    assert_eq!(a.text, b.text);
    assert!(a.weather != b.weather && a.own != b.own);
    let [cold, hot] = &cells(&["temperatures = [0, 1]"])[..] else { panic!() };
    let (a, b) = (cold.seeds(3, 0), hot.seeds(3, 0));
    assert_eq!(a.weather, b.weather);
    assert_ne!(a.text, b.text);
}

#[test]
fn repetitions_and_seeds_of_the_file_change_every_seed_and_all_are_exact_in_json() {
    let cell = &cells(&[])[0];
    let all = [cell.seeds(0, 0), cell.seeds(0, 1), cell.seeds(1, 0)];
    let parts: [fn(&Seeds) -> u64; 3] =
        [|seeds| seeds.own, |seeds| seeds.weather, |seeds| seeds.text];
    for of in parts {
        let different: BTreeSet<_> = all.iter().map(of).collect();
        assert_eq!(different.len(), 3);
        assert!(different.iter().all(|seed| *seed < 1 << 53));
    }
}

/// What was published under an id can be found again.
#[test]
fn ids_and_seeds_stay_what_they_are() {
    let cell = &cells(&[])[0];
    let Seeds { own, weather, text } = cell.seeds(1, 0);
    assert_eq!(
        (cell.id.as_str(), own, weather, text),
        ("d9c4760f3c7c", 5_578_473_110_504_873, 6_749_748_327_711_493, 1_618_719_267_163_932),
    );
}
