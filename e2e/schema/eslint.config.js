// How the schema is linted: by every rule of @graphql-eslint for schemas and for Relay, but those
// that are switched off here, each for a reason.
import { join } from 'node:path'
import graphql from '@graphql-eslint/eslint-plugin'

const schema = join(import.meta.dirname, '..', '..', 'schema.graphqls')
const { configs, parser } = graphql

/** Rules that are off, and why. */
const off = {
  '@graphql-eslint/alphabetize': 'The schema is read from top to bottom, and what belongs together stands together.',
  '@graphql-eslint/description-style': 'A short description is one line, a long one a block.',
  '@graphql-eslint/no-root-type': 'It forbids mutations, and will forbid subscriptions.',
  '@graphql-eslint/no-typename-prefix': 'User.username is the word that everyone knows, and the rule knows no exceptions.',
  '@graphql-eslint/require-deprecation-date': 'It wants an argument that @deprecated has not got; released.test.js says when a field may go.',
  '@graphql-eslint/require-field-of-type-query-in-mutation-result':
    'A field of type Query in every payload would make each mutation ask anything; guards and costs are counted by root fields.',
}

/** Rules that are set otherwise than by default, and why. */
const set = {
  // Everything is described, not only types and root fields.
  '@graphql-eslint/require-description': {
    types: true,
    rootField: true,
    DirectiveDefinition: true,
    FieldDefinition: true,
    InputValueDefinition: true,
    EnumValueDefinition: true,
  },
  // Objects that are not fetched by themselves have no id: payloads, what stands in a page, events, parts
  // of another object. A payload with an id would pass for the object that has it.
  '@graphql-eslint/strict-id-in-types': {
    acceptedIdNames: ['id'],
    acceptedIdTypes: ['ID'],
    exceptions: {
      suffixes: ['Payload', 'Success', 'Connection', 'Edge'],
      types: ['PageInfo', 'Device', 'Stats', 'Status', 'AuthEvent'],
    },
  },
  // Lists that are short by nature are plain lists, connections have `nodes` beside `edges`, and an
  // event of the audit trail is found by the trail alone.
  '@graphql-eslint/relay-edge-types': { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
}

export default [
  {
    files: ['**/*.graphqls'],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...configs['flat/schema-all'].rules,
      ...configs['flat/schema-relay'].rules,
      ...Object.fromEntries(Object.entries(set).map(([rule, options]) => [rule, ['error', options]])),
      ...Object.fromEntries(Object.keys(off).map((rule) => [rule, 'off'])),
    },
  },
]
