//! The assistant as people meet it: what is said to `run` and `chat`, what is kept, and what is said of it.

use crate::world::{World, binary, demo_draft, workspace};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// A device alone that understands a car's intents and keeps a journal.
struct Car {
    world: World,
    config: String,
}

impl Car {
    fn new() -> Self {
        let world = World::new();
        let (draft, configs) = (demo_draft(), workspace().join("configs"));
        let text = format!(
            "[node]\nname = 'device'\n[models]\ndraft = '{}'\n[plan]\nmode = 'local'\n[generation]\ntokens_max = 8\n\
             [intents]\nfiles = ['{1}/intents/car.toml']\n[routing]\npolicy = '{1}/policy.toml'\n\
             [journal]\npath = 'journal'\n",
            draft.display(),
            configs.display()
        );
        let config = world.write("device.toml", &text).display().to_string();
        Self { world, config }
    }

    fn edge_node(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("edge-node"));
        command.args(arguments).args(["--config", &self.config]);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.edge_node(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[arguments, &["--json"]].concat());
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {log}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Goal: a conversation outlives its processes, is explained, listed and forgotten.
#[test]
fn a_conversation_is_kept_until_it_is_forgotten() {
    let car = Car::new();
    let first = car.json(&["run", "--prompt", "where do penguins live"]);
    assert_eq!((&first["route"], &first["class"]), (&"local".into(), &"anywhere".into()));
    assert_eq!(first["text"], first["reply"]["text"]);
    let id = first["conversation"].as_str().unwrap();
    let secret = ["run", "--prompt", "I lost my pills", "--conversation", id];
    let secret = car.json(&secret);
    assert_eq!((&secret["class"], &secret["rules"][0]), (&"device".into(), &"health".into()));
    let listed = car.json(&["conversations"]);
    assert_eq!((&listed[0]["id"], &listed[0]["turns"]), (&id.into(), &4.into()));
    let explained = car.json(&["explain", "--prompt", "i am cold", "--conversation", id]);
    assert_eq!((&explained["route"], &explained["class"]), (&"action".into(), &"device".into()));
    assert_eq!(explained["intent"]["name"], "car_warmer");
    assert_eq!(car.json(&["conversations"])[0]["turns"], 4, "nothing was said");
    assert_eq!(car.json(&["deferred"]), Value::Array(Vec::new()));
    assert!(car.output(&["forget", id]).status.success());
    assert_eq!(car.json(&["conversations"]), Value::Array(Vec::new()));
    let journal = std::fs::read(car.world.path("journal")).unwrap();
    assert!(!journal.windows(8).any(|window| window == b"penguins"), "its bytes are gone");
    let again = car.output(&["forget", id]);
    let log = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && log.contains("there is no conversation"), "{log}");
}

/// Goal: `chat` is one conversation, in which a question that the device asked back is answered.
#[test]
fn a_chat_is_one_conversation_with_intents_in_it() {
    let car = Car::new();
    let mut chat = car.edge_node(&["chat"]);
    chat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut chat = chat.spawn().unwrap();
    let said = "set the heating to 50 degrees\n23 degrees\nwhere do penguins live\n";
    chat.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
    let output = chat.wait_with_output().unwrap();
    let (out, log) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");
    assert!(out.contains("> To how many degrees? (15 to 28)\n> "), "{out}");
    assert_eq!(log.matches("[action: car_temperature").count(), 2, "{log}");
    let listed = car.json(&["conversations"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["turns"]), (1, &6.into()));
}

#[test]
fn what_is_refused_says_why_by_every_route() {
    let car = Car::new();
    let missing = "0".repeat(32);
    for (arguments, wanted) in [
        (&["run", "--prompt", "x", "--raw"][..], "--raw: only turns of a conversation"),
        (&["run", "--prompt", "x", "--conversation", &missing], "there is no conversation 000"),
        (&["run", "--prompt", "x", "--conversation", "12"], "32 hexadecimal digits"),
        (&["run", "--prompt", " "], "the text is empty"),
        (&["explain", "--prompt", "x", "--route", "cloud"], "routes are action, local"),
        (&["explain", "--prompt", "x", "--privacy", "all"], "classes are device, site"),
    ] {
        let output = car.output(arguments);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && log.contains(wanted), "{arguments:?}: {log}");
    }
    let refused = car.json(&["explain", "--prompt", "where do penguins live", "--route", "hybrid"]);
    assert_eq!(refused["route"], Value::Null);
    assert_eq!(refused["candidates"][2]["why"], "the device knows no node that runs the target");
}
