/**
 * The `openai` package for Node.
 */

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { equal, refused, test, until } from './harness.mjs';

const client = (url, more = {}) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, ...more });

const create = (openai, said, more = {}, options = {}) =>
  (said.raw ? openai.completions : openai.chat.completions).create({ ...said.request, ...more }, options);

const textOf = (said, reply) => (said.raw ? reply.choices[0].text : reply.choices[0].message.content);

const status = async (url) => (await fetch(`${url}/causeway/v1/status`)).json();

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const pieces = (chunks, index = 0) =>
  chunks
    .flatMap((chunk) => chunk.choices)
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta?.content ?? choice.text ?? '')
    .join('');

/** Its tests. */
export function openAiTests(told) {
  starting(told);
  replies(told);
  refusals(told);
  leaving(told);
  routing(told);
}

function starting({ texts, urls }) {
  test('who asks while the device loads is told so, and who retries is answered', async () => {
    const wants = { status: 503, code: 'loading', type: 'overloaded_error' };
    const error = await refused(OpenAI.InternalServerError, wants, () => create(client(urls.starting), texts.table));
    assert.ok(Number(error.headers.get('retry-after')) >= 1);
    const reply = await create(client(urls.starting, { maxRetries: 8 }), texts.table);
    assert.ok(reply.choices[0].message.content);
  });
}

function replies({ texts, urls, call }) {
  const plain = client(urls.plain);

  test('the model is listed and looked up', async () => {
    const ids = (await all(plain.models.list())).map((model) => model.id);
    equal(ids, ['causeway-demo-target-q8_0']);
    equal((await plain.models.retrieve(ids[0])).object, 'model');
    await refused(OpenAI.NotFoundError, { code: 'model_not_found' }, () => plain.models.retrieve('gpt-4o'));
  });

  const each = { 'a chat': texts.table, 'a greedy chat': texts.hotel, 'a continuation': texts.city };
  for (const [name, said] of Object.entries(each)) {
    test(`${name} is answered as the target would`, async () => {
      const reply = await create(plain, said);
      equal(textOf(said, reply), said.text);
      equal(reply.choices[0].finish_reason, said.finish_reason);
      equal([reply.usage.prompt_tokens, reply.usage.completion_tokens], [said.prompt_tokens, said.completion_tokens]);
      equal(reply.causeway.verified, Array(said.completion_tokens).fill(true));
    });

    test(`the pieces of ${name} add up, and the last chunk has the usage`, async () => {
      const options = { stream: true, stream_options: { include_usage: true } };
      const chunks = await all(await create(plain, said, options));
      equal(pieces(chunks), said.text);
      const last = chunks.at(-1);
      equal([last.choices, last.usage.completion_tokens], [[], said.completion_tokens]);
      const ending = chunks.find((chunk) => chunk.choices[0]?.finish_reason);
      equal([ending.choices[0].finish_reason, ending.causeway.route], [said.finish_reason, 'hybrid']);
    });
  }

  test('a chat is gathered by the streaming helper of the package', async () => {
    const runner = plain.chat.completions.stream(texts.table.request);
    equal(await runner.finalContent(), texts.table.text);
  });

  test('choice i is what seed plus i gives', async () => {
    const wanted = texts.seeds.map((said) => said.text);
    const reply = await create(plain, texts.table, { n: 3 });
    equal(reply.choices.map((choice) => choice.message.content), wanted);
    const chunks = await all(await create(plain, texts.table, { n: 3, stream: true }));
    equal([0, 1, 2].map((index) => pieces(chunks, index)), wanted);
  });

  test('a reply ends before a stop text and after its longest length', async () => {
    const word = texts.table.text.split(' ')[3];
    const stopped = await create(plain, texts.table, { stop: [word] });
    equal(textOf(texts.table, stopped), texts.table.text.slice(0, texts.table.text.indexOf(word)));
    const { max_tokens: _, ...request } = texts.short.request;
    const short = await plain.chat.completions.create({ ...request, max_completion_tokens: 4 });
    equal([short.choices[0].message.content, short.choices[0].finish_reason], [texts.short.text, 'length']);
  });

  test('what is beyond the API goes in the body or in headers, and raw headers tell', async () => {
    for (const [more, options] of [
      [{ causeway: { privacy: 'device' } }, {}],
      [{}, { headers: { 'X-Causeway-Privacy': 'device' } }],
    ]) {
      const { data, response } = await create(plain, texts.table, more, options).withResponse();
      equal([data.causeway.route, response.headers.get('x-causeway-route')], ['local', 'local']);
      equal(data.usage.causeway.bytes_sent, 0);
    }
  });

  test('sixteen at once are answered as each would be alone', async () => {
    const replies = texts.mix.map(async (said, i) => {
      const reply = await create(plain, said, { stream: i % 2 === 0 });
      return i % 2 === 0 ? pieces(await all(reply)) : textOf(said, reply);
    });
    equal(await Promise.all(replies), texts.mix.map((said) => said.text));
  });

  test('a demanded tool is called, whole and as a stream', async () => {
    const tooled = client(urls.tooled);
    const wants = { ...call.request, tools: [call.tool], tool_choice: 'required', parallel_tool_calls: false };
    const reply = await tooled.chat.completions.create(wants);
    equal(reply.choices[0].finish_reason, 'tool_calls');
    const [{ function: called }] = reply.choices[0].message.tool_calls;
    equal([called.name, Object.keys(JSON.parse(called.arguments))], ['book_table', ['people', 'when']]);
    // Put together by the package itself.
    const streamed = await tooled.chat.completions.stream(wants).finalChatCompletion();
    equal(streamed.choices[0].message.tool_calls[0].function.arguments, called.arguments);
  });
}

function refusals({ texts, urls, keys }) {
  const plain = client(urls.plain);

  for (const [param, more] of [
    ['temperature', { temperature: 3 }],
    ['presence_penalty', { presence_penalty: 1 }],
    ['surprise', { surprise: 1 }],
    ['causeway.privacy', { causeway: { privacy: 'nowhere' } }],
    ['messages', { messages: [{ role: 'user', content: 'hotel '.repeat(8000) }] }],
  ]) {
    test(`what is wrong with ${param} is said of ${param}`, async () => {
      const wants = { status: 400, param, type: 'invalid_request_error' };
      for (const stream of [false, true])
        await refused(OpenAI.BadRequestError, wants, () => create(plain, texts.table, { ...more, stream }));
    });
  }

  test('another model and another path are not found', async () => {
    const wants = { status: 404, code: 'model_not_found', param: 'model' };
    await refused(OpenAI.NotFoundError, wants, () => create(plain, texts.table, { model: 'gpt-4o' }));
    await refused(OpenAI.NotFoundError, { status: 404 }, () => plain.get('/nothing'));
  });

  test('a body that is no JSON is refused', async () => {
    const cut = (url, init) => fetch(url, { ...init, body: init.body?.slice(0, -5) });
    const cutting = client(urls.plain, { fetch: cut });
    await refused(OpenAI.BadRequestError, { status: 400 }, () => create(cutting, texts.table));
  });

  test('a key is wanted, and it may ask so often', async () => {
    const wants = { status: 401, code: 'invalid_api_key' };
    await refused(OpenAI.AuthenticationError, wants, () => create(client(urls.keyed), texts.table));
    const good = client(urls.keyed, { apiKey: keys.good });
    equal(textOf(texts.table, await create(good, texts.table)), texts.table.text);
    const limited = client(urls.keyed, { apiKey: keys.limited });
    await create(limited, texts.table);
    const error = await refused(OpenAI.RateLimitError, { status: 429 }, () => create(limited, texts.table));
    assert.ok(Number(error.headers.get('retry-after')) > 1);
  });
}

/** A device and a cloud with room for one reply, of some seconds. */
function leaving({ texts, urls }) {
  const { narrow } = urls;
  const running = (count) => until(async () => (await status(narrow)).requests.running === count, `${count} run`, 1500);
  const isFree = async () => {
    await running(0);
    const reply = await create(client(narrow), texts.short);
    equal([textOf(texts.short, reply), reply.causeway.verified], [texts.short.text, [true, true, true, true]]);
  };

  test('what is beyond the queue is refused, and who retries is answered', async () => {
    const slow = create(client(narrow), texts.long);
    const first = slow.then((reply) => textOf(texts.long, reply));
    await running(1);
    const wants = { status: 503, code: 'queue_full' };
    const error = await refused(OpenAI.InternalServerError, wants, () => create(client(narrow), texts.short));
    assert.ok(Number(error.headers.get('retry-after')) >= 1);
    const later = await create(client(narrow, { maxRetries: 8 }), texts.short);
    equal([await first, textOf(texts.short, later)], [texts.long.text, texts.short.text]);
  });

  test('a stream that is left in its loop is over', async () => {
    for await (const chunk of await create(client(narrow), texts.long, { stream: true }))
      if (chunk.choices[0]?.delta.content) break;
    await isFree();
  });

  test('a stream that is aborted is over', async () => {
    const stream = await create(client(narrow), texts.long, { stream: true });
    await running(1);
    stream.controller.abort();
    await isFree();
  });

  test('a reply that is aborted while it is waited for is over', async () => {
    const abort = new AbortController();
    const reply = create(client(narrow), texts.long, {}, { signal: abort.signal });
    const outcome = refused(OpenAI.APIUserAbortError, {}, () => reply);
    await running(1);
    abort.abort();
    await outcome;
    await isFree();
    assert.ok((await status(narrow)).requests.cancelled >= 3);
  });
}

function routing({ texts, urls }) {
  const routed = client(urls.routed);

  test('an intent acts', async () => {
    const messages = [{ role: 'user', content: 'add milk to my shopping list' }];
    const reply = await routed.chat.completions.create({ model: 'causeway', messages });
    const { route, intent, outcome } = reply.causeway;
    equal([route, intent, outcome], ['action', 'home_list_add', 'done']);
  });

  test('a request goes the way that it asks for', async () => {
    for (const route of ['local', 'hybrid']) {
      const reply = await create(routed, texts.table, { causeway: { route } });
      equal(reply.causeway.route, route);
    }
    const deferred = await create(routed, texts.table, { causeway: { route: 'deferred' } });
    equal([deferred.causeway.deferred.length, deferred.choices[0].message.content], [32, '']);
    const wants = { status: 422, code: 'no_route' };
    const act = () => create(routed, texts.table, { causeway: { route: 'action' } });
    await refused(OpenAI.UnprocessableEntityError, wants, act);
  });
}
