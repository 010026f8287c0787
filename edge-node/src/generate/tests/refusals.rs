//! Grammars that cannot be used, and other languages than schemas.

use super::{Prompt, config};
use crate::experiment::{World, in_virtual_time};
use crate::generate::GenerateError;
use crate::show::Unseen;
use crate::{Reply, Request};
use base::{Grammar, Privacy, Sampling};
use partitioner::Mode;
use protocol::limits::GRAMMAR_LEN_MAX;
use tokio_util::sync::CancellationToken;

fn ask(mode: Mode, grammar: Grammar) -> Result<Reply, GenerateError> {
    let config = config(mode, "");
    let run = async {
        let mut world = World::start(&config).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let device = world.device();
        let text = device.models.tokenizer.prompt("I would like to book a table for");
        let request = Request {
            grammar: Some(grammar),
            ..Request::new(
                Prompt::new(text, Privacy::Anywhere),
                Sampling::new(1.0, 0, 1.0, 7).unwrap(),
                60,
            )
        };
        let reply = device.generate(&request, &mut Unseen, &CancellationToken::new()).await;
        world.end().await;
        reply
    };
    in_virtual_time(run).unwrap()
}

#[test]
fn a_grammar_that_cannot_be_read_is_refused_before_anything_is_sent() {
    let refusal = |text: &str| ask(Mode::Remote, Grammar::JsonSchema(text.to_owned())).unwrap_err();
    let said = settings::chain(&refusal(r#"{"type":"strin"}"#));
    assert!(said.contains("JSON schema") && said.contains("strin"), "{said}");
    let long = " ".repeat(GRAMMAR_LEN_MAX + 1);
    assert!(
        matches!(refusal(&long), GenerateError::GrammarTooLong { bytes } if bytes == long.len())
    );
}

#[test]
fn replies_are_held_to_regular_expressions_and_lark_grammars() {
    let digits = Grammar::Regex("[0-9]{3} (people|persons)".to_owned());
    let list =
        Grammar::Lark("start: item (\", \" item){2}\nitem: \"red\" | \"green\"\n".to_owned());
    for mode in [Mode::Local, Mode::Remote, Mode::Speculative, Mode::Split] {
        let text = ask(mode, digits.clone()).unwrap().text;
        let (number, word) = text.split_once(' ').unwrap();
        assert!(number.len() == 3 && number.parse::<u32>().is_ok(), "{text}");
        assert!(["people", "persons"].contains(&word), "{text}");
        let text = ask(mode, list.clone()).unwrap().text;
        let items: Vec<&str> = text.split(", ").collect();
        let known = |item: &&str| ["red", "green"].contains(item);
        assert!(items.len() == 3 && items.iter().all(known), "{text}");
    }
}
