// Takes the code blocks out of pages in docs/, so that what they show is what runs.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const docs = join(import.meta.dirname, '..', '..', 'docs')

/** Returns the code block behind the marker `<!-- name -->` of a page. */
export async function codeBlock(name, page = 'verify.md') {
  const [, rest] = (await readFile(join(docs, page), 'utf8')).split(`<!-- ${name} -->\n\`\`\``)
  const [block] = rest?.split('\n```\n') ?? []
  assert.ok(block, `docs/${page} has no block ${name}`)
  return block.slice(block.indexOf('\n') + 1) + '\n' // without the language
}

/** Replaces every text by another in a code block, and fails where one does not occur. */
export function replaceAll(block, replacements) {
  for (const [text, other] of Object.entries(replacements)) {
    assert.ok(block.includes(text), `the text does not say ${text}`)
    block = block.replaceAll(text, other)
  }
  return block
}
