/**
 * The `openai` package for Node and LangChain's, against devices that whoever starts this names in a file.
 */

import { readFileSync } from 'node:fs';
import { openAiTests } from './openai.mjs';
import { langChainTests } from './langchain.mjs';
import { runAll } from './harness.mjs';

const told = JSON.parse(readFileSync(process.argv[2], 'utf8'));
openAiTests(told);
langChainTests(told);
await runAll(told.only);
