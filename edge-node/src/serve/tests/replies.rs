//! What is said: the same whole and as a stream, the same for whoever reads it, and what was asked for.

use super::{SAID, chat, config, events, reply, send, served, text};
use crate::config::ServeSettings;
use crate::device::Device;
use crate::serve::tests::served_by;
use crate::show::Unseen;
use async_openai::types::chat::{CreateChatCompletionResponse, CreateChatCompletionStreamResponse};
use base::{ByteCount, Sampling};
use runtime::Turn;
use serde_json::{Value, json};
use settings::Pace;
use tokio_util::sync::CancellationToken;

/// What the device says to `SAID` with this seed, asked directly.
async fn oracle(seed: u64) -> String {
    let mut device =
        Device::start(config(Pace::default(), ServeSettings::default())).await.unwrap();
    let prompt = device.chat_prompt(&[Turn::said("user", SAID)]).unwrap();
    let sampling = Sampling::new(0.8, 0, 1.0, seed).unwrap();
    let request = crate::Request::new(prompt, sampling, 12);
    device.generate(&request, &mut Unseen, &CancellationToken::new()).await.unwrap().text
}

fn content(choice: &Value) -> &str {
    choice["message"]["content"].as_str().unwrap()
}

#[tokio::test]
async fn a_reply_is_what_the_device_says_and_reads_as_anybody_s() {
    let api = served().await;
    let found = reply(&api, &chat(json!({}))).await;
    assert_eq!(content(&found["choices"][0]), oracle(7).await);
    let theirs: CreateChatCompletionResponse = serde_json::from_value(found.clone()).unwrap();
    assert_eq!(theirs.model, "causeway-demo-target-q8_0");
    let ours = &found["causeway"];
    assert_eq!((&ours["route"], &ours["conversation"]), (&json!("local"), &Value::Null));
    let count = theirs.usage.unwrap().completion_tokens as usize;
    assert_eq!(ours["verified"].as_array().unwrap(), &vec![json!(true); count]);
    let time = found["usage"]["causeway"]["time_ms"].as_object().unwrap();
    assert!(time.values().all(|part| part.as_f64().unwrap() >= 0.0), "{time:?}");
}

#[tokio::test]
async fn a_stream_s_pieces_add_up_to_the_whole() {
    let api = served().await;
    let whole = reply(&api, &chat(json!({}))).await;
    let asked = chat(json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let events = events(send(&api, "/v1/chat/completions", &asked).await).await;
    let mut said = String::new();
    let mut verified = Vec::new();
    for event in &events {
        let theirs: CreateChatCompletionStreamResponse =
            serde_json::from_value(event.clone()).unwrap();
        for choice in theirs.choices {
            said.push_str(&choice.delta.content.unwrap_or_default());
        }
        verified.extend(event["causeway"]["verified"].as_array().cloned().unwrap_or_default());
    }
    assert_eq!(said, content(&whole["choices"][0]));
    assert_eq!(&Value::from(verified), &whole["causeway"]["verified"]);
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
}

#[tokio::test]
async fn choice_i_is_what_seed_plus_i_gives() {
    let (api, house) = served_by(config(Pace::default(), ServeSettings::default())).await;
    let found = reply(&api, &chat(json!({ "n": 3 }))).await;
    let totals = house.metrics.totals();
    assert_eq!(totals.ended.values().sum::<u64>(), 1, "one request of three replies");
    assert_eq!(Some(totals.prompt_tokens), found["usage"]["prompt_tokens"].as_u64());
    let choices = found["choices"].as_array().unwrap();
    for (choice, seed) in choices.iter().zip(7..) {
        assert_eq!(content(choice), oracle(seed).await, "seed {seed}");
    }
    assert_eq!(choices.len(), 3);
    let one = reply(&api, &chat(json!({}))).await;
    assert_eq!(found["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);
}

#[tokio::test]
async fn what_ends_a_reply_ends_it() {
    let api = served().await;
    let whole = reply(&api, &chat(json!({}))).await;
    let whole = content(&whole["choices"][0]).to_owned();
    let word = whole.split(' ').nth(2).unwrap();
    let stopped = reply(&api, &chat(json!({ "stop": word }))).await;
    let (before, _) = whole.split_once(word).unwrap();
    assert_eq!(content(&stopped["choices"][0]), before);
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    let short = reply(&api, &chat(json!({ "max_tokens": 2 }))).await;
    assert_eq!(short["choices"][0]["finish_reason"], "length");
    assert_eq!(short["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn a_reply_is_what_its_schema_says() {
    let api = served().await;
    let schema = json!({ "type": "object", "properties": { "city": { "enum": ["Rome", "Bath"] } },
                         "required": ["city"], "additionalProperties": false });
    let format =
        json!({ "type": "json_schema", "json_schema": { "name": "city", "schema": schema } });
    let found = reply(&api, &chat(json!({ "response_format": format, "max_tokens": 40 }))).await;
    let said: Value = serde_json::from_str(content(&found["choices"][0])).unwrap();
    assert!(["Rome", "Bath"].contains(&said["city"].as_str().unwrap()), "{said}");
}

#[tokio::test]
async fn likelihoods_are_told_with_the_tokens() {
    let api = served().await;
    let asked = chat(json!({ "logprobs": true, "top_logprobs": 3, "temperature": 0 }));
    let found = reply(&api, &asked).await;
    let theirs: CreateChatCompletionResponse = serde_json::from_value(found.clone()).unwrap();
    let tokens = theirs.choices[0].logprobs.as_ref().unwrap().content.as_ref().unwrap();
    let said: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.clone().unwrap()).collect();
    assert_eq!(String::from_utf8(said).unwrap().trim(), content(&found["choices"][0]));
    for token in tokens {
        assert!(token.logprob <= 0.0 && token.top_logprobs.len() == 3, "{token:?}");
        assert_eq!(token.top_logprobs[0].logprob, token.logprob, "greedy takes the likeliest");
    }
}

#[tokio::test]
async fn a_text_goes_on_and_the_model_is_listed() {
    let api = served().await;
    let asked =
        json!({ "model": "causeway", "prompt": "Once upon", "max_tokens": 5, "temperature": 0 });
    let (status, _, body) = text(send(&api, "/v1/completions", &asked).await).await;
    assert_eq!(status, 200, "{body}");
    let found: async_openai::types::completions::CreateCompletionResponse =
        serde_json::from_str(&body).unwrap();
    assert!(!found.choices[0].text.is_empty());
    let (status, _, body) =
        text(super::send_with(&api, "/v1/models", String::new(), &[]).await).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("causeway-demo-target-q8_0"), "{body}");
}

/// Goal: a reply over within its budget of bytes says that it ended for a limit. What crosses nothing is no matter.
#[tokio::test]
async fn what_the_extension_asks_is_done_in_body_and_headers() {
    let api = served().await;
    let path = "/v1/chat/completions";
    let headers = [("x-causeway-privacy", "device"), ("x-causeway-budget-bytes", "100000")];
    let (status, headers, body) =
        text(super::send_with(&api, path, chat(json!({})).to_string(), &headers).await).await;
    assert_eq!(
        (status.as_u16(), &headers["x-causeway-route"]),
        (200, &"local".parse().unwrap()),
        "{body}"
    );
    assert_eq!(headers["x-causeway-bytes"], "0");
    let found: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(content(&found["choices"][0]), oracle(7).await);
    let plan = found["causeway"]["plan"].as_str().unwrap();
    assert!(plan.starts_with("confined to the device"), "{plan}");
}

#[tokio::test]
async fn more_in_a_budget_than_a_reply_takes_changes_nothing() {
    let (api, _) = served_by(config(Pace::default(), ServeSettings::default())).await;
    let budget = json!({ "causeway": { "budget": { "bytes": ByteCount(1 << 20).0 } } });
    let found = reply(&api, &chat(budget)).await;
    assert_eq!(content(&found["choices"][0]), oracle(7).await);
}
