/**
 * LangChain's ChatOpenAI for Node.
 */

import { ChatOpenAI } from '@langchain/openai';
import { equal, test } from './harness.mjs';

/** Its tests. */
export function langChainTests({ texts, urls }) {
  const { messages, seed, temperature, max_tokens: maxTokens } = texts.table.request;
  const model = (more = {}) =>
    new ChatOpenAI({
      model: 'causeway',
      apiKey: 'none',
      temperature,
      maxTokens,
      maxRetries: 0,
      configuration: { baseURL: `${urls.plain}/v1` },
      modelKwargs: { seed },
      ...more,
    });

  test('langchain is answered as the target would', async () => {
    const message = await model().invoke(messages[0].content);
    equal(message.content, texts.table.text);
    equal(message.usage_metadata.output_tokens, texts.table.completion_tokens);
  });

  test("langchain's stream adds up", async () => {
    let text = '';
    for await (const chunk of await model().stream(messages[0].content)) text += chunk.content;
    equal(text, texts.table.text);
  });

  test("langchain's stop texts are honoured", async () => {
    const word = texts.table.text.split(' ')[2];
    const message = await model().invoke(messages[0].content, { stop: [word] });
    equal(message.content, texts.table.text.slice(0, texts.table.text.indexOf(word)));
  });

  test('langchain asks for what is beyond the API', async () => {
    const private_ = model({ modelKwargs: { seed, causeway: { privacy: 'device' } }, __includeRawResponse: true });
    const message = await private_.invoke(messages[0].content);
    equal(message.additional_kwargs.__raw_response.causeway.route, 'local');
  });
}
