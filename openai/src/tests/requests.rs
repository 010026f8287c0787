//! Whatever `async-openai`'s builders write is read, and says the same.

use super::{chat, completion};
use crate::{
    ChatRequest, ChatRole, CompletionRequest, EmbeddingsRequest, Encoding, Message, Options, Tool,
    ToolCall, ToolChoice,
};
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionNamedToolChoice,
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestDeveloperMessageArgs,
    ChatCompletionRequestMessage, ChatCompletionRequestMessageContentPartText,
    ChatCompletionRequestSystemMessageArgs, ChatCompletionRequestToolMessageArgs,
    ChatCompletionRequestUserMessageArgs, ChatCompletionRequestUserMessageContentPart,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionToolChoiceOption,
    ChatCompletionTools, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
    FunctionCall, FunctionName, FunctionObjectArgs, ResponseFormat, ResponseFormatJsonSchema,
    ServiceTier, StopConfiguration, ToolChoiceOptions,
};
use async_openai::types::completions::CreateCompletionRequestArgs;
use async_openai::types::embeddings::{CreateEmbeddingRequestArgs, EncodingFormat};
use base::Grammar;
use serde_json::json;

fn user(text: &str) -> ChatCompletionRequestMessage {
    ChatCompletionRequestUserMessageArgs::default().content(text).build().unwrap().into()
}

fn read(request: &CreateChatCompletionRequest) -> ChatRequest {
    ChatRequest::read(&serde_json::to_vec(request).unwrap()).unwrap()
}

fn said(role: ChatRole, content: &str) -> Message {
    let content = Some(content.to_owned());
    Message { role, content, name: None, tool_calls: Vec::new(), tool_call_id: None }
}

const USUAL: Options = Options {
    stream: false,
    include_usage: false,
    tokens_max: None,
    temperature: None,
    top_p: None,
    seed: None,
    stop: Vec::new(),
    n: 1,
    logprobs: None,
    format: None,
};

#[test]
fn a_request_that_says_nothing_but_its_messages_leaves_all_to_the_configuration() {
    let request = CreateChatCompletionRequestArgs::default()
        .model("causeway")
        .messages([user("Hi.")])
        .build()
        .unwrap();
    let read = read(&request);
    assert_eq!(read.model, "causeway");
    assert_eq!(read.messages, [said(ChatRole::User, "Hi.")]);
    assert_eq!(read.options, USUAL);
    assert_eq!((read.tools.len(), read.tool_choice), (0, ToolChoice::None));
    assert_eq!(read.extension, crate::Extension::default());
}

#[test]
fn every_kind_of_message_is_read() {
    let text = |text: &str| {
        ChatCompletionRequestUserMessageContentPart::Text(
            ChatCompletionRequestMessageContentPartText {
                text: text.to_owned(),
                prompt_cache_breakpoint: None,
            },
        )
    };
    let function =
        FunctionCall { name: "weather".to_owned(), arguments: "{\"city\":\"Ulm\"}".to_owned() };
    let call = ChatCompletionMessageToolCall { id: "call_1".to_owned(), function };
    let request = CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages([
            ChatCompletionRequestSystemMessageArgs::default()
                .content("Be brief.")
                .build()
                .unwrap()
                .into(),
            ChatCompletionRequestDeveloperMessageArgs::default()
                .content("Be kind.")
                .build()
                .unwrap()
                .into(),
            ChatCompletionRequestUserMessageArgs::default()
                .content(vec![text("One."), text("Two.")])
                .name("Ann")
                .build()
                .unwrap()
                .into(),
            ChatCompletionRequestAssistantMessageArgs::default()
                .tool_calls(vec![ChatCompletionMessageToolCalls::Function(call)])
                .build()
                .unwrap()
                .into(),
            ChatCompletionRequestToolMessageArgs::default()
                .content("Rain.")
                .tool_call_id("call_1")
                .build()
                .unwrap()
                .into(),
            ChatCompletionRequestAssistantMessageArgs::default()
                .content("It rains.")
                .build()
                .unwrap()
                .into(),
        ])
        .build()
        .unwrap();
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "weather".to_owned(),
        arguments: "{\"city\":\"Ulm\"}".to_owned(),
    };
    let expected = [
        said(ChatRole::System, "Be brief."),
        said(ChatRole::Developer, "Be kind."),
        Message { name: Some("Ann".to_owned()), ..said(ChatRole::User, "One.\nTwo.") },
        Message { content: None, tool_calls: vec![call], ..said(ChatRole::Assistant, "") },
        Message { tool_call_id: Some("call_1".to_owned()), ..said(ChatRole::Tool, "Rain.") },
        said(ChatRole::Assistant, "It rains."),
    ];
    assert_eq!(read(&request).messages, expected);
}

#[test]
fn every_parameter_is_read_as_it_was_meant() {
    let request = CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages([user("Hi.")])
        .stream(true)
        .stream_options(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        })
        .max_tokens(64_u32)
        .max_completion_tokens(64_u32)
        .temperature(0.7)
        .top_p(0.95)
        .seed(-2_i64)
        .stop(StopConfiguration::StringArray(vec!["\n".to_owned(), "END".to_owned()]))
        .n(8)
        .logprobs(true)
        .top_logprobs(20)
        .presence_penalty(0.0)
        .frequency_penalty(-0.0)
        .logit_bias(std::collections::HashMap::new())
        .response_format(ResponseFormat::JsonObject)
        .parallel_tool_calls(false)
        .tools(vec![tool()])
        .user("u")
        .metadata(json!({"team": "a"}))
        .store(false)
        .service_tier(ServiceTier::Flex)
        .build()
        .unwrap();
    let read = read(&request);
    let expected = Options {
        stream: true,
        include_usage: true,
        tokens_max: Some(64),
        temperature: Some(0.7),
        top_p: Some(0.95),
        seed: Some(u64::MAX - 1),
        stop: vec!["\n".to_owned(), "END".to_owned()],
        n: 8,
        logprobs: Some(20),
        format: Some(Grammar::JsonSchema(r#"{"type":"object"}"#.to_owned())),
    };
    assert_eq!(read.options, expected);
    assert_eq!((read.tool_choice, read.parallel_tool_calls), (ToolChoice::Auto, false));
    let expected = Tool {
        name: "weather".to_owned(),
        description: Some("Says it.".to_owned()),
        parameters: json!({"type": "object"}),
        strict: true,
    };
    assert_eq!(read.tools, [expected]);
}

fn tool() -> ChatCompletionTools {
    let function = FunctionObjectArgs::default()
        .name("weather")
        .description("Says it.")
        .parameters(json!({"type": "object"}))
        .strict(true)
        .build()
        .unwrap();
    ChatCompletionTools::Function(ChatCompletionTool { function })
}

#[test]
fn every_choice_of_tools_is_read() {
    use ChatCompletionToolChoiceOption::{Function, Mode};
    let weather = FunctionName { name: "weather".to_owned() };
    let named = Function(ChatCompletionNamedToolChoice { function: weather });
    for (theirs, ours) in [
        (Mode(ToolChoiceOptions::None), ToolChoice::None),
        (Mode(ToolChoiceOptions::Auto), ToolChoice::Auto),
        (Mode(ToolChoiceOptions::Required), ToolChoice::Required),
        (named, ToolChoice::Function("weather".to_owned())),
    ] {
        let request = CreateChatCompletionRequestArgs::default()
            .model("m")
            .messages([user("Hi.")])
            .tools(vec![tool()])
            .tool_choice(theirs)
            .build()
            .unwrap();
        assert_eq!(read(&request).tool_choice, ours);
    }
    assert_eq!(
        chat(&json!({"tools": [], "tool_choice": "none"})).unwrap().tool_choice,
        ToolChoice::None
    );
}

#[test]
fn every_format_is_read_and_a_schema_keeps_its_order() {
    let schema: serde_json::Value =
        serde_json::from_str(r#"{"type":"object","properties":{"z":{},"a":{"maximum":0.1}}}"#)
            .unwrap();
    let json_schema = ResponseFormatJsonSchema {
        description: Some("One.".to_owned()),
        name: "one".to_owned(),
        schema: schema.clone(),
        strict: Some(true),
    };
    let request = CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages([user("Hi.")])
        .response_format(ResponseFormat::JsonSchema { json_schema })
        .build()
        .unwrap();
    let text = r#"{"type":"object","properties":{"z":{},"a":{"maximum":0.1}}}"#.to_owned();
    assert_eq!(read(&request).options.format, Some(Grammar::JsonSchema(text)));
    let format = |format| chat(&json!({"response_format": format})).unwrap().options.format;
    assert_eq!(format(json!({"type": "text"})), None);
    let regex = Grammar::Regex("[ab]+".to_owned());
    assert_eq!(format(json!({"type": "regex", "regex": "[ab]+"})), Some(regex));
}

#[test]
fn null_is_the_same_as_nothing() {
    let nothing = chat(&json!({})).unwrap();
    for name in [
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "user",
        "metadata",
        "store",
        "service_tier",
        "causeway",
        "audio",
    ] {
        assert_eq!(chat(&json!({name: null})).unwrap(), nothing, "{name}");
    }
    assert_eq!(chat(&json!({"causeway": {"privacy": null, "budget": null}})).unwrap(), nothing);
}

#[test]
fn a_request_for_a_continuation_is_read() {
    let request = CreateCompletionRequestArgs::default()
        .model("m")
        .prompt("Once")
        .max_tokens(7_u32)
        .logprobs(5)
        .stop(StopConfiguration::String("END".to_owned()))
        .seed(9_i64)
        .build()
        .unwrap();
    let read = CompletionRequest::read(&serde_json::to_vec(&request).unwrap()).unwrap();
    let expected = Options {
        tokens_max: Some(7),
        logprobs: Some(5),
        stop: vec!["END".to_owned()],
        seed: Some(9),
        ..USUAL
    };
    assert_eq!((read.prompt.as_str(), read.options), ("Once", expected));
    assert_eq!(completion(&json!({"prompt": ["Once"]})).unwrap().prompt, "Once");
}

#[test]
fn a_request_for_vectors_is_read() {
    for (format, encoding) in
        [(EncodingFormat::Float, Encoding::Float), (EncodingFormat::Base64, Encoding::Base64)]
    {
        let request = CreateEmbeddingRequestArgs::default()
            .model("m")
            .input(["One.", "Two."])
            .encoding_format(format)
            .user("u")
            .build()
            .unwrap();
        let read = EmbeddingsRequest::read(&serde_json::to_vec(&request).unwrap()).unwrap();
        assert_eq!((read.model.as_str(), read.encoding), ("m", encoding));
        assert_eq!(read.inputs, ["One.", "Two."]);
    }
    let one = super::embeddings(&json!({})).unwrap();
    assert_eq!((one.inputs, one.encoding), (vec!["Once".to_owned()], Encoding::Float));
}
