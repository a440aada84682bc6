// Takes the code blocks out of the pages in docs/, so that what they show is what runs.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const docs = join(import.meta.dirname, '..', '..', 'docs')

/** Returns the code block behind the marker `<!-- name -->` of a page. */
export async function codeBlock(name, page = 'verify.md') {
  const block = (await codeBlocks(page)).find((each) => each.name === name)
  assert.ok(block, `docs/${page} has no block ${name}`)
  return block.text
}

/**
 * Returns every code block of a page, in its order.
 *
 * @param {string} page the file's path from docs/
 * @returns {Promise<{name?: string, language: string, text: string}[]>} name is what the marker in
 *   front of it says, as `<!-- name -->`
 */
export async function codeBlocks(page) {
  const text = await readFile(join(docs, page), 'utf8')
  const blocks = text.matchAll(/(?:^<!-- (\S+) -->\n)?^```(\w*)\n(.*?)^```$/gms)
  return [...blocks].map(([, name, language, text]) => ({ name, language, text }))
}

/** Replaces every text by another in a code block, and fails where one does not occur. */
export function replaceAll(block, replacements) {
  for (const [text, other] of Object.entries(replacements)) {
    assert.ok(block.includes(text), `the text does not say ${text}`)
    block = block.replaceAll(text, other)
  }
  return block
}
